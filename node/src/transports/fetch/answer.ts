/** What an exchange hears of its answer, whatever the words in which it is told. Never throws. */

import { breakOff } from "../../exchange";
import { say, swallow } from "../../guard";
import type { NativeExchange } from "../../native";
import { telling } from "../headers";

export class Answer {
  /** Whether the request was changed, so that its answer passes through the exchange. */
  isChanged = false;
  /** Whether the request is on its way: before that there is no connection. */
  isSent = false;
  /** Whether it was the program that broke it off. */
  isAborted = false;
  #exchange: NativeExchange | null;
  readonly #signal: AbortSignal | null | undefined;

  constructor(exchange: NativeExchange, signal: AbortSignal | null | undefined) {
    this.#exchange = exchange;
    this.#signal = signal;
  }

  head(status: number, headers: readonly (Buffer | string)[]): void {
    if (this.#exchange === null || status < 200) {
      return;
    }
    try {
      if (status < 400 && status >= 300) {
        this.#exchange.unsent();
        this.#exchange = null;
      } else {
        this.#exchange.head(status, telling(headers));
      }
    } catch (error) {
      this.#fault(error);
    }
  }

  /** What of a piece of the body the program is to receive; `null` if nothing. */
  passed(piece: Uint8Array): Uint8Array | null {
    try {
      if (this.isChanged) {
        const passed = this.#exchange?.passed(piece) ?? piece;
        return passed.byteLength === 0 ? null : passed;
      }
      this.#exchange?.push(piece);
    } catch (error) {
      this.#fault(error);
    }
    return piece;
  }

  /** The body is at its end. Gives what of it the program is still to receive. */
  end(): Uint8Array | null {
    return this.#finish((exchange) => say(exchange.complete()));
  }

  /** There will be no answer, or no more of it. Gives the same. */
  fail(error: unknown): Uint8Array | null {
    return this.#finish((exchange) => {
      if (!this.isSent) {
        exchange.unsent();
      } else if (this.isAborted && this.#signal?.aborted !== true) {
        say(exchange.closed());
      } else {
        breakOff(exchange, error, this.#signal);
      }
    });
  }

  #finish(finish: (exchange: NativeExchange) => void): Uint8Array | null {
    const exchange = this.#exchange;
    if (exchange === null) {
      return null;
    }
    let rest: Uint8Array | null = null;
    try {
      rest = this.isChanged ? exchange.rest() : null;
      this.#exchange = null;
      finish(exchange);
    } catch (error) {
      this.#fault(error);
    }
    return rest === null || rest.byteLength === 0 ? null : rest;
  }

  #fault(error: unknown): void {
    this.#exchange = null;
    swallow("fetch response", error);
  }
}
