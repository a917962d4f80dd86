/** What all methods of `LLMLab` share: the native client. */

import { reject, say, swallow } from "./guard";
import type { NativeClient } from "./native";
import { native } from "./native";
import { sharedByVersion } from "./shared";

/** How long a new configuration gives what was recorded under the one before. */
const REPLACED_TIMEOUT_S = 0.25;

/** Holds a native client. */
export class Holder {
  #held: NativeClient | undefined;
  #replaced: Promise<unknown> | undefined;

  constructor(client?: NativeClient) {
    this.#held = client;
  }

  /**
   * The native client: the global one if it was given none, of the environment and the config file at first. Never fails:
   * what cannot be used of the configuration is left out, with a warning.
   */
  client(): NativeClient {
    return this.#held ?? this.#first();
  }

  /** Puts another global client in its place. What was recorded with the one before is delivered. */
  replace(client: NativeClient): void {
    const { before, problems } = client.becomeGlobal();
    this.#held ??= native().Client.global();
    for (const problem of problems) {
      reject("init", problem);
    }
    say(client.takeNotices());
    if (before !== null) {
      this.#replaced = before.shutdown(REPLACED_TIMEOUT_S).catch((error: unknown) => swallow("init", error));
    }
  }

  /** Resolves when what a client before had recorded is delivered, or its time is over. */
  async settled(): Promise<void> {
    await this.#replaced;
  }

  #first(): NativeClient {
    const made = native().Client.global();
    this.#held = made;
    const problem = made.problem;
    if (problem !== null) {
      reject("configuration", `${problem}; the defaults are used until it is corrected`);
    }
    say(made.takeNotices());
    return made;
  }
}

/** That of the functions of the package. */
export const globalHolder = sharedByVersion("holder", () => new Holder());
