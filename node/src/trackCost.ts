/** `trackCost`: says what a function's calls cost, and for whom they were made. */

import { lenientOptions } from "./arguments";
import type { Purpose } from "./forms";
import { within } from "./forms";
import { swallow } from "./guard";
import type { Holder } from "./holder";
import type { LabelOptions } from "./labels";
import { Labels } from "./labels";
import { native } from "./native";
import { recorded } from "./record";
import { Scope } from "./scope";

/** Options of `trackCost`. */
export interface TrackCostOptions extends LabelOptions {
  /** Whose response the function returns, if the response does not tell. */
  provider?: string | null | undefined;
  /** The model, if the response does not tell. */
  model?: string | null | undefined;
}

/** What wraps a function for its calls. */
export function costWrap(holder: Holder, options: TrackCostOptions | null | undefined): (fn: unknown) => unknown {
  if (native().isDisabled()) {
    return (fn) => fn;
  }
  const purpose = purposeOf(holder, options);
  return (fn) => within(purpose, fn);
}

function purposeOf(holder: Holder, options: TrackCostOptions | null | undefined): Purpose {
  try {
    const { provider, model, ...labels } = lenientOptions("trackCost", options);
    return new CostPurpose(holder, Labels.of(labels), provider ?? null, model ?? null);
  } catch (error) {
    swallow("trackCost", error);
    return new CostPurpose(holder, Labels.NONE, null, null);
  }
}

/** A scope for calls, and a reader of results where no call was seen. */
class CostPurpose implements Purpose {
  readonly #holder: Holder;
  readonly #labels: Labels;
  readonly #provider: unknown;
  readonly #model: unknown;

  constructor(holder: Holder, labels: Labels, provider: unknown, model: unknown) {
    this.#holder = holder;
    this.#labels = labels;
    this.#provider = provider;
    this.#model = model;
  }

  open(outside: Scope | undefined): Scope {
    return new Scope(this.#holder, this.#labels, outside);
  }

  read(scope: Scope, result: unknown): void {
    // What functions mostly return is never the response of a provider, and seen at a glance.
    if (typeof result !== "object" || result === null || !scope.isUntouched) {
      return;
    }
    try {
      recorded(this.#holder, result, { provider: this.#provider, model: this.#model }, scope);
    } catch (error) {
      swallow("trackCost", error);
    }
  }

  ended(): void {}

  threw(): void {}
}
