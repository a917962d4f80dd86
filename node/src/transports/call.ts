/** A request of a client that writes its body in pieces, and its response: what `node:http` and `node:http2` share. */

import { begin, breakOff } from "../exchange";
import { say } from "../guard";
import type { NativeExchange } from "../native";
import { tellingMembers } from "./headers";
import { bytesOf, Upload } from "./upload";

/** A request as its client knows it. */
export interface Outgoing {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  headers(): Readonly<Record<string, unknown>>;
  /** The length of the body by its header. */
  contentLength(): unknown;
}

/**
 * A request that may be a call, from the first piece of its body to the end of its response.
 *
 * The exchange begins when the body is whole: when as much was written as `content-length` says, else when the request
 * ends, or when an answer comes earlier. Before, nobody can have answered, so that what breaks off then costs nothing.
 */
export class Call {
  readonly #outgoing: Outgoing;
  /** What was written, until the exchange begins. */
  #upload: Upload | null = new Upload();
  #exchange: NativeExchange | null = null;
  /** Whether the head of the response is here. */
  isAnswered = false;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /** A piece of the body was written. */
  wrote(chunk: unknown, encoding: unknown): void {
    if (this.#upload === null) {
      return;
    }
    const announced = Number(this.#outgoing.contentLength());
    const sole = this.#upload.bytes === 0 ? bytesOf(chunk, encoding) : null;
    if (sole !== null && sole.byteLength === announced) {
      this.#begin(sole); // at once, so that it need not be copied
      return;
    }
    this.#upload.note(chunk, encoding);
    if (this.#upload.bytes === announced) {
      this.#begin(this.#upload.body());
    }
  }

  /** The request has ended, maybe with a last piece. */
  ended(chunk: unknown, encoding: unknown): void {
    if (this.#upload?.bytes === 0) {
      this.#begin(bytesOf(chunk, encoding));
    } else if (this.#upload !== null) {
      this.#upload.note(chunk, encoding);
      this.#begin(this.#upload.body());
    }
  }

  /**
   * The head of the response is here, with those of its headers that tell something, as `telling` gives them: gives the
   * exchange that its body is to be shown to, if there is one.
   */
  answered(status: number, headers: () => string): NativeExchange | null {
    this.isAnswered = true;
    if (this.#upload !== null) {
      this.#begin(this.#upload.body());
    }
    if (status >= 300 && status < 400) {
      this.unsent(); // a redirect is no answer of a provider
    }
    this.#exchange?.head(status, headers());
    return this.#exchange;
  }

  /** Nobody has received it. */
  unsent(): void {
    this.#upload = null;
    this.#exchange?.unsent();
    this.#exchange = null;
  }

  /** The connection or the response broke. */
  broke(error: unknown): void {
    this.#end((exchange) => breakOff(exchange, error));
  }

  /** The program, or Node in its place, has destroyed the request or the response. */
  destroyed(error: unknown): void {
    if (error !== undefined && error !== null && !(this.isAnswered && isBreak(error))) {
      this.broke(error);
    } else {
      this.#end((exchange) => say(this.isAnswered ? exchange.closed() : exchange.cancelled(null)));
    }
  }

  #begin(body: Uint8Array | null): void {
    const { method, url } = this.#outgoing;
    this.#upload = null;
    this.#exchange = begin(method, url, body, () => tellingMembers(this.#outgoing.headers()));
  }

  #end(end: (exchange: NativeExchange) => void): void {
    const exchange = this.#exchange;
    this.#upload = this.#exchange = null;
    if (exchange !== null) {
      end(exchange);
    }
  }
}

/** Whether the program has only stopped reading: Node's word for that is the one for a signal, which gives its cause. */
function isBreak(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError" && error.cause === undefined;
}
