/** Between a `fetch` and the dispatcher that sends its requests. */

import { begin } from "../../exchange";
import { swallow } from "../../guard";
import type { NativeExchange } from "../../native";
import { tellingMembers } from "../headers";
import { ask, isAlone } from "./asking";
import { type Handler, type Observed, observedBy } from "./handler";
import type { Asked } from "./request";

/** What undici hands to a dispatcher. */
export interface Dispatch {
  readonly origin?: string | URL;
  readonly path: string;
  readonly method: string;
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** What sends requests, in every version of undici. */
export interface Dispatcher {
  readonly isMockActive?: boolean | undefined;
  dispatch(options: Dispatch, handler: Handler): boolean;
}

/** A request with such a dispatcher is in the hands of a tap, be it of another copy of this package. */
const MARK = Symbol.for("llmlab.dispatcher");

/** Whether the options of a `fetch` have been through a tap. */
export function isMarked(init: unknown): boolean {
  const dispatcher = (init as { dispatcher?: unknown } | null | undefined)?.dispatcher;
  return typeof dispatcher === "object" && dispatcher !== null && MARK in dispatcher;
}

let depth = 0;

/** Whether the running code sends a request that came through a tap of `fetch`. */
export function isDispatching(): boolean {
  return depth > 0;
}

/**
 * The dispatcher of one call of `fetch`: the program's, or else the global one, whose answers an exchange observes.
 *
 * A redirect is no answer of a provider. What `fetch` sends next is the exchange, with the body if it is sent again.
 */
export class ObservedDispatcher implements Dispatcher {
  readonly [MARK] = true;
  /** Whether a request has come here. If not, the answer has to be observed elsewhere. */
  isAsked = false;
  readonly #asked: Asked;
  readonly #mayAsk: boolean;

  constructor(asked: Asked, mayAsk: boolean) {
    this.#asked = asked;
    this.#mayAsk = mayAsk;
  }

  /** A `fetch` gives a mock the body in another form. */
  get isMockActive(): boolean | undefined {
    return (this.#inner(".1") as Dispatcher | undefined)?.isMockActive;
  }

  /** Nothing was sent. */
  refused(): void {
    this.isAsked = true;
    this.#asked.exchange.unsent();
  }

  dispatch(options: Dispatch, handler: Handler): boolean {
    // What undici 8 sends tells its answer by other words, and has a global dispatcher that knows them.
    const inner = this.#inner("onConnect" in handler ? ".1" : ".2") as Dispatcher;
    const exchange = this.#exchange(options);
    if (exchange === null) {
      return pass(inner, options, handler);
    }
    let sent = options;
    let observed: (Handler & Observed) | undefined;
    try {
      observed = observedBy(exchange, handler, this.#asked.signal);
      sent = this.#toSend(exchange, options, inner, observed);
    } catch (error) {
      swallow("fetch dispatch", error);
    }
    try {
      return pass(inner, sent, observed ?? handler);
    } catch (error) {
      exchange.unsent();
      throw error;
    }
  }

  #inner(version: ".1" | ".2"): unknown {
    const global = globalThis as unknown as Record<symbol, unknown>;
    const other = version === ".1" ? ".2" : ".1";
    return (
      this.#asked.dispatcher ??
      global[Symbol.for(`undici.globalDispatcher${version}`)] ??
      global[Symbol.for(`undici.globalDispatcher${other}`)]
    );
  }

  /** The exchange of `fetch` itself for the first request, one of its own for each that follows a redirect. */
  #exchange(options: Dispatch): NativeExchange | null {
    if (!this.isAsked) {
      this.isAsked = true;
      return this.#asked.exchange;
    }
    const body = options.body === null || options.body === undefined ? null : this.#asked.body;
    return begin(options.method, `${options.origin}${options.path}`, body, null);
  }

  #toSend(exchange: NativeExchange, options: Dispatch, inner: Dispatcher, observed: Observed): Dispatch {
    const { headers } = options;
    if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
      return options;
    }
    const named = headers as Record<string, string>;
    const told = tellingMembers(named);
    if (told !== "") {
      exchange.sent(told);
    }
    const { body, isWhole } = this.#asked;
    if (!this.#mayAsk || !isWhole || body === null || !exchange.mayAsk || !isAlone(inner, options)) {
      return options;
    }
    const changed = ask(exchange, options, named, body);
    observed.isChanged = changed !== options;
    return changed;
  }
}

function pass(inner: Dispatcher, options: Dispatch, handler: Handler): boolean {
  depth += 1;
  try {
    return inner.dispatch(options, handler);
  } finally {
    depth -= 1;
  }
}
