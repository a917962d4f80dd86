/** What surrounds a call: the scope of the running code, kept in an `AsyncLocalStorage`. */

import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";
import type { Holder } from "./holder";
import type { Labels } from "./labels";
import type { NativeClient, NativeScope } from "./native";
import { sharedByVersion } from "./shared";

/** The innermost open scope. It is entered by `run` only: what `enterWith` sets stays behind in the caller. */
export const current = sharedByVersion("scope", () => new AsyncLocalStorage<Scope | undefined>());

/**
 * An open stretch of the program, and what was spent inside it so far; it may be read at any time, also afterwards.
 *
 * The native half is made when something happens inside that it has to know, so that a function in which nothing does
 * costs no crossing.
 */
export class Scope {
  readonly #outside: Scope | undefined;
  readonly #holder: Holder;
  readonly #labels: Labels;
  #native: NativeScope | undefined;

  /** @internal */
  constructor(holder: Holder, labels: Labels, outside: Scope | undefined, native?: NativeScope) {
    this.#holder = holder;
    this.#labels = labels;
    this.#outside = outside;
    this.#native = native;
  }

  /** How many calls were recorded inside. It may wait for a large response that is being read; so may the next three. */
  get calls(): number {
    return this.#native?.tally().calls ?? 0;
  }

  /** How many of them have no known cost. */
  get unpriced(): number {
    return this.#native?.tally().unpriced ?? 0;
  }

  /** What they cost in US dollars, exactly; `null` if the cost of one of them is not known. */
  get cost(): string | null {
    const tally = this.#native?.tally();
    return tally === undefined ? "0" : tally.unpriced === 0 ? tally.cost : null;
  }

  /** The same as the nearest number. */
  get costNumber(): number | null {
    const cost = this.cost;
    return cost === null ? null : Number(cost);
  }

  /** How many requests to a provider began inside. */
  get begun(): number {
    return this.#native?.begun ?? 0;
  }

  /**
   * Nothing began or was recorded inside, so what a function returned is news.
   *
   * @internal
   */
  get isUntouched(): boolean {
    return this.begun === 0 && this.calls === 0;
  }

  /**
   * Whose the exchanges inside are.
   *
   * @internal
   */
  get client(): NativeClient {
    return this.#holder.client();
  }

  /**
   * The native half.
   *
   * @internal
   */
  native(): NativeScope {
    this.#native ??= this.client.scope(this.#outside?.native() ?? null, this.#labels.native());
    return this.#native;
  }

  /** What is printed and serialized. */
  toJSON(): Record<"cost" | "calls" | "unpriced" | "begun", string | number | null> {
    return { cost: this.cost, calls: this.calls, unpriced: this.unpriced, begun: this.begun };
  }

  /** @internal */
  [inspect.custom](): string {
    return `Scope ${inspect(this.toJSON())}`;
  }
}
