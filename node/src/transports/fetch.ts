/**
 * Taps `fetch`: the global one, and {@link fetch} for clients that take one.
 *
 * The exchange begins where `fetch` is called, with the body if it is at hand: no stream, blob or request is read for it.
 * The answer is observed below, where it comes from the network ({@link ObservedDispatcher}), so that what the program
 * does with its response stays between the two. Only where a `fetch` asks no dispatcher, being somebody else's or a
 * mock, the response is observed while the program reads it ({@link observe}).
 */

import { breakOff, sending } from "../exchange";
import { swallow } from "../guard";
import { isMarked, ObservedDispatcher } from "./fetch/dispatcher";
import { observe } from "./fetch/in-place";
import { type Asked, asked } from "./fetch/request";

/** A second copy of this package in the process finds that there is a tap. */
const TAPPED = Symbol.for("llmlab.fetch");

type Fetch = typeof globalThis.fetch;
type Arguments = Parameters<Fetch>;
type Shared = typeof globalThis & { [TAPPED]?: Fetch | undefined };

/** What was put in the place of the global `fetch`, and what was there before. */
interface Tap {
  readonly original: Fetch;
  readonly fetch: Fetch;
  isActive: boolean;
}

let installed: Tap | undefined;

/** Taps the global `fetch`. One that others have put over the tap since is tapped instead. */
export function tap(): void {
  const shared: Shared = globalThis;
  const theirs = shared[TAPPED];
  if (typeof shared.fetch !== "function" || (theirs !== undefined && theirs !== installed?.fetch)) {
    return;
  }
  if (installed === undefined || shared.fetch !== installed.fetch) {
    if (installed !== undefined) {
      installed.isActive = false;
    }
    installed = tapped(shared.fetch);
    shared.fetch = installed.fetch;
  }
  installed.isActive = true;
  Object.defineProperty(shared, TAPPED, { value: installed.fetch, configurable: true });
}

/** Puts the global `fetch` back; where somebody else has patched over the tap, it stays in and sees nothing. */
export function untap(): void {
  const shared: Shared = globalThis;
  if (installed === undefined) {
    return;
  }
  installed.isActive = false;
  delete shared[TAPPED];
  if (shared.fetch === installed.fetch) {
    shared.fetch = installed.original;
    installed = undefined;
  }
}

/** A proxy, so that it has the name, the length and whatever else the original has. */
function tapped(original: Fetch): Tap {
  const tap: Tap = {
    original,
    fetch: new Proxy(original, {
      apply: (_, self, args: Arguments) =>
        tap.isActive ? send(original, self, args) : Reflect.apply(original, self, args),
    }),
    isActive: true,
  };
  return tap;
}

/** That of the package: what goes through it is recorded, tapped or not, and otherwise it is the global one of the moment. */
export const fetch: Fetch = (...args) => {
  const now = globalThis.fetch;
  return send(installed !== undefined && now === installed.fetch ? installed.original : now, undefined, args);
};

function send(original: Fetch, self: unknown, args: Arguments): Promise<Response> {
  const request = isMarked(args[1]) ? null : asked(args);
  if (request === null) {
    return Reflect.apply(original, self, args);
  }
  const isNodes = isNodesOwn(original);
  const dispatcher = new ObservedDispatcher(request, isNodes);
  const passed = request.with(dispatcher);
  if (!isNodes || passed === args) {
    const mark = { active: true };
    return sending.run(mark, () => followed(start(original, self, passed, request, mark), request, dispatcher, mark));
  }
  const answer = start(original, self, passed, request);
  if (!dispatcher.isAsked) {
    // It asks the dispatcher before it returns, unless it refuses the request.
    dispatcher.refused();
  }
  return answer;
}

type Mark = { active: boolean };

function start(original: Fetch, self: unknown, args: Arguments, request: Asked, mark?: Mark): Promise<Response> {
  try {
    return Reflect.apply(original, self, args);
  } catch (error) {
    if (mark !== undefined) {
      mark.active = false;
    }
    request.exchange.unsent();
    throw error;
  }
}

/** The same answer, of which the exchange hears if no dispatcher tells it. */
function followed(
  answer: Promise<Response>,
  request: Asked,
  dispatcher: ObservedDispatcher,
  mark: Mark,
): Promise<Response> {
  if (typeof answer?.then !== "function") {
    mark.active = false;
    guarded("fetch response", () => dispatcher.isAsked || observe(request.exchange, answer));
    return answer;
  }
  return answer.then(
    (response) => {
      mark.active = false;
      guarded("fetch response", () => dispatcher.isAsked || observe(request.exchange, response));
      return response;
    },
    (error: unknown) => {
      mark.active = false;
      guarded("fetch error", () => dispatcher.isAsked || fail(request, error));
      throw error;
    },
  );
}

/** The errors of connections that were never made. */
const UNCONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

function fail({ exchange, signal }: Asked, error: unknown): void {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  // A request that cannot be sent is refused with a plain `TypeError`; what happens on the way has a cause.
  if ((error instanceof TypeError && cause === undefined) || UNCONNECTED.has(String(cause?.code ?? code))) {
    exchange.unsent();
  } else {
    breakOff(exchange, error, signal);
  }
}

function guarded(where: string, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    swallow(where, error);
  }
}

const known = new WeakMap<Fetch, boolean>();

/** Whether nothing is between this function and the network but a dispatcher: it is Node's, of a version that we know. */
function isNodesOwn(original: Fetch): boolean {
  let isOwn = known.get(original);
  if (isOwn === undefined) {
    const text = Function.prototype.toString.call(original);
    isOwn = original.name === "fetch" && /internal\/deps\/undici\/undici|\blazyUndici\(\)/.test(text);
    known.set(original, isOwn);
  }
  return isOwn;
}
