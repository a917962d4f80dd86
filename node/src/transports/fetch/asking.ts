/**
 * Whether a request may be changed so that a stream tells its usage: only if it is between program and provider alone.
 *
 * Mocks and recorders would see another request than the program made, and a signature would not fit any more. What is
 * known to be real is listed; all else is left alone.
 */

import type { NativeExchange } from "../../native";
import type { Dispatch, Dispatcher } from "./dispatcher";

/** Parts of the names of headers that depend on the body (RFC 9421, RFC 9530, AWS, webhooks). */
const SIGNS = /signature|digest|content-md5|sha256|hmac/i;
/** How such an `authorization` begins. */
const SIGNED = /^(aws4-|hmac|signature)/i;

/** The dispatchers of undici that send to the network what they are given, and who tunnels only what is encrypted. */
const DIRECT = new Set(["Agent", "Pool", "Client"]);
const TUNNELS = new Set(["EnvHttpProxyAgent", "ProxyAgent"]);

/** Whether a dispatcher sends to the network, and nobody has taken its place. */
export function isAlone(dispatcher: Dispatcher, { origin }: Dispatch): boolean {
  const { name } = dispatcher.constructor;
  const isDirect = DIRECT.has(name) || (TUNNELS.has(name) && String(origin).startsWith("https:"));
  // An interceptor, and whoever patches, puts a `dispatch` of his own before that of the class.
  return (
    isDirect &&
    dispatcher.isMockActive !== true &&
    dispatcher.dispatch === Object.getPrototypeOf(dispatcher).dispatch &&
    !makesItsOwn(dispatcher)
  );
}

/** An agent may have been told how to make what it sends through. */
function makesItsOwn(dispatcher: Dispatcher): boolean {
  const symbol = Object.getOwnPropertySymbols(dispatcher).find((symbol) => symbol.description === "factory");
  const factory = symbol && (dispatcher as unknown as Record<symbol, unknown>)[symbol];
  return typeof factory === "function" && factory.name !== "defaultFactory";
}

/** The request to send instead, or the same. The answer of another one has to be read through the exchange. */
export function ask(
  exchange: NativeExchange,
  options: Dispatch,
  headers: Record<string, string>,
  body: string | Uint8Array,
): Dispatch {
  const length = Object.keys(headers).find((name) => name.toLowerCase() === "content-length");
  if (length === undefined || Number(headers[length]) !== Buffer.byteLength(body) || isSigned(headers)) {
    return options;
  }
  const asked = exchange.bodyToSend(body);
  return asked === null
    ? options
    : { ...options, body: asked, headers: { ...headers, [length]: String(asked.byteLength) } };
}

/** Whether the headers of a request may tell something of its body beside its length. */
function isSigned(headers: Record<string, string>): boolean {
  return Object.entries(headers).some(
    ([name, value]) => SIGNS.test(name) || (name.toLowerCase() === "authorization" && SIGNED.test(value)),
  );
}
