/** The exit of the main thread. What threads that end before it leave behind, the addon looks after. */

import { isMainThread } from "node:worker_threads";
import { swallow } from "./guard";
import type { Native } from "./native";

/**
 * Has the addon leave when the process exits. There is one listener, and no signal has any: what is recorded lies in a
 * file that the next process finds.
 */
export function watch(addon: Native): Native {
  if (isMainThread) {
    makeRoom();
    process.once("exit", () => {
      try {
        addon.leave();
      } catch (error) {
        swallow("exit", error);
      }
    });
  }
  return addon;
}

/** The program has as many listeners to itself as it would have had, before Node warns of a leak. */
function makeRoom(): void {
  const most = process.getMaxListeners();
  if (most !== 0) {
    process.setMaxListeners(most + 1);
  }
}
