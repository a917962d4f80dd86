/** Taps the HTTP clients of this thread, and takes the taps out again. */

import { swallow } from "./guard";
import { shared } from "./shared";
import { TRANSPORTS, type Transport } from "./transports";

/**
 * Taps the HTTP clients through which SDKs reach their providers, in this thread.
 *
 * The program receives what it would have received. A client of an unknown shape is left alone, with one warning. Doing it
 * twice is doing it once. Never throws. `init`, `llmlab/register` and `llmlab run` do it for you.
 *
 * @example
 * ```ts
 * llmlab.instrument();
 * ```
 */
export function instrument(): void {
  if (!isDisabled()) {
    taps.tap();
  }
}

/**
 * Takes the taps out again. Requests that are under way are still recorded. Never throws.
 *
 * @example
 * ```ts
 * llmlab.uninstrument();
 * ```
 */
export function uninstrument(): void {
  taps.untap();
}

/** Two copies of the package would count each request twice, so the first taps for both. */
const taps = shared("taps", () => ({
  tap: () => forEachTransport("instrument", (transport) => transport.tap()),
  untap: () => forEachTransport("uninstrument", (transport) => transport.untap()),
}));

/** As the addon says it, which need not be loaded before there is a request. */
export function isDisabled(): boolean {
  const given = process.env.LLMLAB_DISABLED ?? "";
  return !["", "0", "false", "no", "off"].includes(given.trim().toLowerCase());
}

function forEachTransport(what: string, act: (transport: Transport) => void): void {
  for (const [name, transport] of Object.entries(TRANSPORTS)) {
    try {
      act(transport());
    } catch (error) {
      swallow(`${what} ${name}`, error);
    }
  }
}
