/** The making of clients: of the global one by `init`, and of others beside it. */

import { opened, read } from "./deferred";
import { answered } from "./errors";
import { globalHolder, Holder } from "./holder";
import { instrument } from "./instrument";
import { Lab } from "./lab";
import type { NativeClient } from "./native";
import type { Options } from "./options";

/**
 * A client beside the global one, for several projects in one process.
 *
 * The options are those of `init`, and the methods are the functions of the package. A request to a provider belongs to the
 * client of the innermost scope, its `track`, `trackCost` or `trace`, else to the global client. All clients of a process
 * share one background thread; each project has a spool of its own. `shutdown` ends it before the exit does.
 *
 * @throws ConfigError naming the option, its value and what would do
 *
 * @example
 * ```ts
 * const shop = new llmlab.LLMLab({ project: "shop" });
 * const t = shop.track({ feature: "search" }, (t) => {
 *   shop.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500 });
 *   return t;
 * });
 * assert.equal(t.cost, "0.06");
 * ```
 */
export class LLMLab extends Lab {
  constructor(options?: Options | null) {
    super(new Holder(made("LLMLab", options)));
  }
}

/**
 * Starts llmlab: sets what is given here, and taps the HTTP clients that the program uses.
 *
 * Everything is optional. What is not given comes from the environment, `LLMLAB_` and the option in capitals, such as
 * `LLMLAB_PROJECT`, then from `config.json` in `LLMLAB_HOME` (default `~/.llmlab`), then from the defaults. A second `init`
 * replaces the first, in all workers of the process; what was recorded before is delivered. With `LLMLAB_DISABLED=1` nothing
 * happens, here and everywhere.
 *
 * Starts no thread and opens no socket; tries whether the folder of the spool can be written to.
 *
 * @throws ConfigError naming the option, its value and what would do; also where the spool cannot be written to or is
 * somebody else's
 *
 * @example
 * ```ts
 * llmlab.init({ project: "shop", environment: "test", tags: { team: "search" } });
 * ```
 */
export function init(options?: Options | null): void {
  globalHolder.replace(made("init", options));
  instrument();
}

function made(what: string, options: Options | null | undefined): NativeClient {
  return answered(what, () => opened(read(options)));
}
