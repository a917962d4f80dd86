/** `trace`: makes a function a step of a trace. */

import { lenientOptions } from "./arguments";
import type { Purpose } from "./forms";
import { within } from "./forms";
import { reject, say, shown, swallow } from "./guard";
import type { Holder } from "./holder";
import type { LabelOptions } from "./labels";
import { Labels } from "./labels";
import { native } from "./native";
import { Scope } from "./scope";

/** Options of `trace`. */
export interface TraceOptions {
  /** The name of the step; the function's own if not given. */
  name?: string | null | undefined;
  /** Tags of the step and of what is inside. */
  tags?: LabelOptions["tags"];
  /**
   * `agent`, `tool`, `function`, or a word of your own.
   *
   * @defaultValue "function"
   */
  kind?: string | null | undefined;
}

/** What wraps a function as a step. */
export function stepWrap(holder: Holder, options: TraceOptions | null | undefined): (fn: unknown) => unknown {
  if (native().isDisabled()) {
    return (fn) => fn;
  }
  const { name, tags, kind } = read(options);
  return (fn) => {
    const own = name ?? (typeof fn === "function" && fn.name !== "" ? fn.name : "anonymous");
    return within(new StepPurpose(holder, tags, own, kind ?? "function"), fn);
  };
}

function read(options: TraceOptions | null | undefined): { name: string | null; tags: Labels; kind: string | null } {
  try {
    const { name, tags, kind } = lenientOptions("trace", options);
    return { name: word("name", name), tags: Labels.of({ tags }), kind: word("kind", kind) };
  } catch (error) {
    swallow("trace", error);
    return { name: null, tags: Labels.NONE, kind: null };
  }
}

function word(name: string, value: unknown): string | null {
  if (value == null || (typeof value === "string" && value !== "")) {
    return value ?? null;
  }
  reject("trace", `${name} must be a non-empty string, got ${shown(value)}`);
  return null;
}

/** A scope that is recorded as a step when it ends. */
class StepPurpose implements Purpose {
  readonly #holder: Holder;
  readonly #labels: Labels;
  readonly #name: string;
  readonly #kind: string;

  constructor(holder: Holder, labels: Labels, name: string, kind: string) {
    this.#holder = holder;
    this.#labels = labels;
    this.#name = name;
    this.#kind = kind;
  }

  open(outside: Scope | undefined): Scope {
    try {
      const parent = outside?.native() ?? null;
      const step = this.#holder.client().step(parent, this.#labels.native(), this.#name, this.#kind);
      return new Scope(this.#holder, this.#labels, outside, step);
    } catch (error) {
      swallow("trace", error);
      return new Scope(this.#holder, this.#labels, outside);
    }
  }

  read(): void {}

  ended(scope: Scope): void {
    this.#end(scope, null, false);
  }

  threw(scope: Scope, error: unknown): void {
    const name = nameOf(error);
    this.#end(scope, name, name === "AbortError");
  }

  #end(scope: Scope, errorType: string | null, isCancelled: boolean): void {
    try {
      say(this.#holder.client().endStep(scope.native(), errorType, isCancelled));
    } catch (error) {
      swallow("trace", error);
    }
  }
}

/** The class of what was thrown, which need not be an error. */
function nameOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.name) : typeof error;
  } catch {
    return "Error";
  }
}
