/** A body that may be read in several places at once. */

import { breakOff } from "../../exchange";
import { say } from "../../guard";
import type { NativeExchange } from "../../native";
import { bytesOf } from "./bytes";

/** What was read of a body by whichever branch is foremost: each byte is told once. */
export class Observation {
  #exchange: NativeExchange | null;
  #seen = 0;
  #open = 0;

  constructor(exchange: NativeExchange) {
    this.#exchange = exchange;
  }

  branch(at = 0): Branch {
    this.#open += 1;
    return new Branch(this, at);
  }

  /** What was read from a place on. */
  piece(at: number, bytes: Uint8Array): void {
    const end = at + bytes.byteLength;
    if (end > this.#seen) {
      this.#exchange?.push(at < this.#seen ? bytes.subarray(this.#seen - at) : bytes);
      this.#seen = end;
    }
  }

  end(): void {
    this.#finish((exchange) => say(exchange.complete()));
  }

  fail(error: unknown): void {
    this.#finish((exchange) => breakOff(exchange, error));
  }

  /** The program reads one branch no further. */
  close(): void {
    this.#open -= 1;
    if (this.#open === 0) {
      this.#finish((exchange) => say(exchange.closed()));
    }
  }

  #finish(finish: (exchange: NativeExchange) => void): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange !== null) {
      finish(exchange);
    }
  }
}

/** A place up to which a body was read. */
export class Branch {
  #isOpen = true;

  constructor(
    readonly observation: Observation,
    private at: number,
  ) {}

  /** Whether nothing was read in pieces: then the whole is news. */
  get isAtStart(): boolean {
    return this.at === 0;
  }

  fork(): Branch {
    return this.observation.branch(this.at);
  }

  piece(read: unknown): void {
    const bytes = bytesOf(read);
    if (bytes !== null) {
      this.observation.piece(this.at, bytes);
      this.at += bytes.byteLength;
    }
  }

  /** All of it was read: this, if it did not come in pieces. */
  whole(bytes: Uint8Array | null): void {
    if (bytes !== null && this.isAtStart) {
      this.piece(bytes);
    }
    this.observation.end();
  }

  fail(error: unknown): void {
    this.observation.fail(error);
  }

  close(): void {
    if (this.#isOpen) {
      this.#isOpen = false;
      this.observation.close();
    }
  }
}
