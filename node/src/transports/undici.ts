/**
 * Taps undici, Node's own and those of the registry, for programs that use it without `fetch`: `request`, `stream`,
 * `pipeline`, `Client`, `Pool` and whatever sends through them.
 *
 * Every copy announces each request that it is about to send (`undici:request:create`), with the handler that will hear of
 * the answer, in whose place an observing one is put. What `fetch` has in its hands is left to its tap. A mock sends
 * nothing, so it is not seen here. A body that is a stream is not at hand.
 */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { begin } from "../exchange";
import { swallow } from "../guard";
import { isDispatching } from "./fetch/dispatcher";
import { type Handler, isObserved, observedBy } from "./fetch/handler";
import { telling } from "./headers";

const CHANNEL = "undici:request:create";

/** What a request of undici shows, from version 5 on. */
interface Announced {
  readonly origin?: unknown;
  readonly path?: unknown;
  readonly method?: unknown;
  readonly body?: unknown;
  readonly headers?: unknown;
  [handler: symbol]: unknown;
}

/** Listens to what is announced. */
export function tap(): void {
  untap();
  subscribe(CHANNEL, announced);
}

/** Listens no more. */
export function untap(): void {
  unsubscribe(CHANNEL, announced);
}

function announced(message: unknown): void {
  if (isDispatching()) {
    return;
  }
  try {
    observe((message as { request: Announced }).request);
  } catch (error) {
    swallow("undici request", error);
  }
}

function observe(request: Announced): void {
  const symbol = Object.getOwnPropertySymbols(request).find(({ description }) => description === "handler");
  const handler = symbol && request[symbol];
  if (symbol === undefined || typeof handler !== "object" || handler === null || isObserved(handler)) {
    return;
  }
  const { origin, path, method, body } = request;
  const atHand = typeof body === "string" || body instanceof Uint8Array ? body : null;
  const exchange = begin(String(method), `${origin}${path}`, atHand, () => telling(listed(request.headers)));
  if (exchange !== null) {
    request[symbol] = observedBy(exchange, handler as Handler, null);
  }
}

/** Names and values by turns, or lines of text in undici 5. */
function listed(headers: unknown): string[] {
  if (typeof headers === "string") {
    return headers.split("\r\n").flatMap((line) => /^([^:]*): ?(.*)$/.exec(line)?.slice(1) ?? []);
  }
  return Array.isArray(headers) ? headers.map(String) : [];
}
