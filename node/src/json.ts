/**
 * A value of the program as the JSON that the core's readers read.
 *
 * Only what a reader may need crosses: nothing that is absent, no long texts, because names and ids are short, and nothing
 * of what was said. No method of a value is called, `toJSON` neither: what a function returned may be anything at all.
 */

import { jsonOf } from "./arguments";
import { native } from "./native";

const MAX_DEPTH = 64;
const MAX_MEMBERS = 10_000;
const MAX_TEXT_CHARS = 512;

let unread: ReadonlySet<string> | undefined;

/** The JSON of a response that a program holds; `null` if it has no form that could be one. Never throws. */
export function bodyOf(value: object): string | null {
  try {
    const plain = new Copy().of(value, 0);
    return plain === undefined ? null : jsonOf(plain);
  } catch {
    // A getter or a proxy that throws, or a circle: no provider's response has one.
    return null;
  }
}

class TooMuch extends Error {}

/** A copy of what may be needed, in plain objects. */
class Copy {
  #members = 0;

  of(value: unknown, depth: number): unknown {
    this.#members += 1;
    if (depth > MAX_DEPTH || this.#members > MAX_MEMBERS) {
      throw new TooMuch();
    }
    switch (typeof value) {
      case "string":
        return value.length > MAX_TEXT_CHARS ? "" : value;
      case "bigint":
        return Number(value);
      case "number":
      case "boolean":
        return value;
      case "object":
        return value === null || ArrayBuffer.isView(value) ? undefined : this.#object(value, depth + 1);
      default:
        return undefined;
    }
  }

  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) {
      return value.map((item) => this.of(item, depth) ?? null);
    }
    unread ??= new Set(native().unreadMembers());
    const copy: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      if (unread.has(name)) {
        continue;
      }
      const member = this.of((value as Record<string, unknown>)[name], depth);
      if (member !== undefined) {
        Object.defineProperty(copy, name, { value: member, enumerable: true }); // it may be named `__proto__`
      }
    }
    return copy;
  }
}
