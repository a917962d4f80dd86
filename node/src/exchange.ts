/** One request to a provider and its response, as every transport tells it. */

import { AsyncLocalStorage } from "node:async_hooks";
import { say, swallow } from "./guard";
import { globalHolder } from "./holder";
import type { NativeExchange } from "./native";
import { current } from "./scope";
import { shared } from "./shared";

/**
 * Whether a tap has a physical request in its hands: it is counted by that tap, whatever it travels through (a `fetch` of
 * the program's own that has `node:http` inside). Nothing begins where an active mark is found; a tap that begins an
 * exchange, and then calls what another tap may see, calls it within `sending.run(mark, …)` and makes the mark inactive
 * when the answer is here: what was started meanwhile inherits the mark, and may outlive the request by days.
 */
export const sending = shared("sending", () => new AsyncLocalStorage<{ active: boolean }>());

/**
 * Begins an exchange, in the client of the innermost scope; `null` if the request is no call to a model. Never throws.
 *
 * @param headers names and values by turns, a line each; asked for only where there is an exchange, `null` if they are told later
 */
export function begin(
  method: string,
  url: string,
  body: string | Uint8Array | null,
  headers: (() => string) | null,
): NativeExchange | null {
  try {
    if (sending.getStore()?.active) {
      return null;
    }
    const scope = current.getStore();
    const exchange = (scope?.client ?? globalHolder.client()).begin(method, url, body);
    if (exchange !== null) {
      if (headers !== null) {
        exchange.sent(headers());
      }
      if (scope !== undefined) {
        exchange.within(scope.native());
      }
    }
    return exchange;
  } catch (error) {
    swallow("request", error);
    return null;
  }
}

/** How those errors are called with which clients say that the program gave up: Node, axios, got. */
const CANCELLED = /^(Abort|Cancel|Canceled|Cancelled)Error$/;

/** Ends an exchange that an error broke off: one of the client's, or that of an `AbortSignal`, which may be any value. */
export function breakOff(exchange: NativeExchange, error: unknown, signal?: AbortSignal | null): void {
  const word = wordFor(error);
  const isCancelled = signal?.aborted === true || (word !== null && CANCELLED.test(word));
  say(isCancelled ? exchange.cancelled(word) : exchange.lost(word));
}

/** The class of an error; its code, where the class tells nothing. */
function wordFor(error: unknown): string | null {
  if (!(error instanceof Error)) {
    return null;
  }
  const { name, code } = error as NodeJS.ErrnoException;
  return name === "Error" && typeof code === "string" ? code : name;
}
