/** To whom calls belong: the labels that one place in the program adds to whatever surrounds it. */

import { types } from "node:util";
import { reject, shown, told } from "./guard";
import type { NativeLabels } from "./native";
import { native } from "./native";

/** A label: text, or anything with a text form, such as a number or an `ObjectId`. */
export type Label = string | number | bigint | boolean | { toString(): string } | null | undefined;

/** Labels of calls. One that is not given is that of the surrounding scope. */
export interface LabelOptions {
  /** The feature of the product. */
  feature?: Label;
  /** The user served. */
  user?: Label;
  /** The session or conversation. */
  session?: Label;
  /** Anything else. Of two tags with the same key the inner one holds. */
  tags?: Readonly<Record<string, Label>> | ReadonlyMap<string, Label> | null | undefined;
}

/** Labels of one place; their native half is made once, at the first use. */
export class Labels {
  /** Those of a place that says nothing. */
  static readonly NONE = new Labels(null, null, null, []);

  readonly #texts: [feature: string | null, user: string | null, session: string | null, tags: string[]];
  #native: NativeLabels | undefined;

  private constructor(feature: string | null, user: string | null, session: string | null, tags: string[]) {
    this.#texts = [feature, user, session, tags];
  }

  /** Labels of what the program gave. What cannot be used is left out, with a warning. */
  static of(options: LabelOptions): Labels {
    const { feature, user, session, tags, ...others } = options;
    for (const name in others) {
      reject("options", `${shown(name)} is not known; labels are feature, user, session and tags`);
    }
    if (feature == null && user == null && session == null && tags == null) {
      return Labels.NONE;
    }
    return new Labels(text("feature", feature), text("user", user), text("session", session), pairs(tags));
  }

  /** The native half. */
  native(): NativeLabels {
    this.#native ??= new (native().Labels)(...this.#texts);
    return this.#native;
  }
}

function text(name: string, value: unknown): string | null {
  if (value == null || typeof value === "string") {
    return value ?? null;
  }
  try {
    // What an object without a text form has tells nothing apart.
    if (typeof value !== "object" || value.toString !== Object.prototype.toString) {
      return String(value);
    }
  } catch {
    // Said below.
  }
  reject("labels", `${name} must be text or have a text form, got ${shown(value)}`);
  return null;
}

function pairs(tags: unknown): string[] {
  if (tags == null) {
    return [];
  }
  if (typeof tags !== "object" || Array.isArray(tags)) {
    reject("labels", `tags must be an object such as { team: "search" }, got ${shown(tags)}`);
    return [];
  }
  const found: string[] = [];
  for (const [key, value] of entries(tags)) {
    const [name, label] = [text("the name of a tag", key), text(`the tag ${shown(key)}`, value)];
    if (name !== null && label !== null) {
      found.push(name, label);
    }
  }
  return found;
}

function entries(tags: object): Iterable<[unknown, unknown]> {
  try {
    return types.isMap(tags) ? tags : Object.entries(tags);
  } catch (error) {
    reject("labels", `tags cannot be read: ${told(error)}`);
    return [];
  }
}
