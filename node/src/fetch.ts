/** The `fetch` that a program may hand to a client. */

import { fetchThrough } from "./deferred";

/**
 * `fetch` for a client that takes one: what goes through it is recorded, whether `instrument` was called or not.
 * It is the global `fetch` of the moment in all else, and a call that both see is recorded once.
 *
 * @example
 * ```ts
 * import OpenAI from "openai";
 * import { fetch } from "llmlab";
 *
 * const client = new OpenAI({ apiKey: "…", fetch });
 * ```
 */
export const fetch: typeof globalThis.fetch = Object.defineProperties(
  (...args: Parameters<typeof globalThis.fetch>) => fetchThrough(...args),
  { name: { value: "fetch", configurable: true }, length: { value: 1, configurable: true } },
);
