/** `track`: says for whom the calls inside a function are made. */

import { lenientOptions } from "./arguments";
import { reject, shown, swallow } from "./guard";
import type { Holder } from "./holder";
import type { LabelOptions } from "./labels";
import { Labels } from "./labels";
import { current, Scope } from "./scope";

/** Options of `track`. */
export interface TrackOptions extends LabelOptions {
  /**
   * `false` where a response comes out of a cache of your own: what wrapped functions around this return is then not
   * taken for a new response. Requests to a provider are recorded all the same.
   *
   * @defaultValue true
   */
  record?: boolean | null | undefined;
}

/**
 * Runs the function within a new scope, which it is given. What is no function is given back: mostly it is the promise of a
 * function that was called instead of handed over, and the program goes on with it.
 */
export function tracked<T>(holder: Holder, options: TrackOptions | null | undefined, fn: (scope: Scope) => T): T {
  if (typeof fn !== "function") {
    reject("track", `it runs a function, as in track({ feature: "search" }, (t) => …), got ${shown(fn)}`);
    return fn as T;
  }
  const scope = opened(holder, options);
  return current.run(scope, fn, scope);
}

function opened(holder: Holder, options: TrackOptions | null | undefined): Scope {
  const outside = current.getStore();
  try {
    const { record, ...labels } = lenientOptions("track", options);
    const scope = new Scope(holder, Labels.of(labels), outside);
    if (record === false) {
      scope.native().settle();
    } else if (record != null && record !== true) {
      reject("track", `record must be true or false, got ${shown(record)}`);
    }
    return scope;
  } catch (error) {
    swallow("track", error);
    return new Scope(holder, Labels.NONE, outside);
  }
}
