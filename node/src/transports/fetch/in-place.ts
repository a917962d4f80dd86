/**
 * A response that is observed while the program reads it, where no dispatcher of ours saw it come: of a polyfill, a mock,
 * another runtime. It stays the object that it is, and everything read from it passes first through methods of its own.
 *
 * Nothing is read for us: who never reads the body has not received it. What cannot be observed, such as a frozen object,
 * is recorded without usage.
 */

import { say, swallow } from "../../guard";
import type { NativeExchange } from "../../native";
import { override } from "../patch";
import { type Branch, Observation } from "./branch";
import { bytesOf, guarded } from "./bytes";
import { isWebStream, observeStream } from "./stream";

interface ResponseLike {
  readonly status?: unknown;
  readonly type?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** Observes a response, whatever it is. */
export function observe(exchange: NativeExchange, response: unknown): void {
  if (typeof response !== "object" || response === null) {
    say(exchange.complete());
    return;
  }
  const { status, type, headers, body } = response as ResponseLike;
  if (type === "opaqueredirect" || (typeof status === "number" && status >= 300 && status < 400)) {
    exchange.unsent();
    return;
  }
  if (typeof status === "number" && status >= 100 && status < 600) {
    exchange.head(status, textsOf(headers).join("\n"));
  }
  const branch = new Observation(exchange).branch();
  if (body === null || !observeBody(response, body, branch)) {
    say(exchange.complete());
  }
}

/** Whether anything of it can be observed. */
function observeBody(response: object, body: unknown, branch: Branch): boolean {
  let isObserved = false;
  if (isWebStream(body)) {
    isObserved = observeStream(body, branch);
  } else if (isNodeStream(body)) {
    isObserved = observeNodeStream(body, branch);
  }
  for (const [name, read] of Object.entries(READS)) {
    isObserved = observeRead(response, name, branch, read) || isObserved;
  }
  override(response, "clone", (original) => (...args) => {
    const clone: unknown = original(...args);
    guarded(() => typeof clone === "object" && clone !== null && observeBody(clone, bodyOf(clone), branch.fork()));
    return clone;
  });
  return isObserved;
}

function bodyOf(response: ResponseLike): unknown {
  return response.body;
}

/** What the whole body is, by the method that gave it. */
const READS: Record<string, (whole: unknown) => Uint8Array | null | Promise<Uint8Array | null>> = {
  text: bytesOf,
  arrayBuffer: bytesOf,
  bytes: bytesOf,
  buffer: bytesOf,
  // Who mocks an answer may have nothing but its value.
  json: (value) => bytesOf(JSON.stringify(value)),
  blob: async (blob) => (blob instanceof Blob ? new Uint8Array(await blob.arrayBuffer()) : null),
  formData: () => null,
};

function observeRead(response: object, name: string, branch: Branch, read: (typeof READS)[string]): boolean {
  return override(response, name, (original) => (...args) => {
    const reading = original(...args);
    if (!(reading instanceof Promise)) {
      guarded(() => branch.whole(bytesOf(reading)));
      return reading;
    }
    return reading.then(
      (whole: unknown) => {
        guarded(() => {
          const bytes = branch.isAtStart ? read(whole) : null;
          if (bytes instanceof Promise) {
            bytes.then(
              (bytes) => guarded(() => branch.whole(bytes)),
              (error) => swallow("fetch body", error),
            );
          } else {
            branch.whole(bytes);
          }
        });
        return whole;
      },
      (error: unknown) => {
        // Who asks for what is being read is refused, and what is no JSON was read.
        guarded(() =>
          error instanceof SyntaxError ? branch.whole(null) : error instanceof TypeError || branch.fail(error),
        );
        throw error;
      },
    );
  });
}

interface NodeStream {
  emit(event: string, ...args: unknown[]): boolean;
}

function isNodeStream(body: unknown): body is NodeStream {
  const { emit, pipe } = (body ?? {}) as { emit?: unknown; pipe?: unknown };
  return typeof emit === "function" && typeof pipe === "function";
}

/** Node's streams announce everything that is taken from them, in whatever way. */
function observeNodeStream(body: NodeStream, branch: Branch): boolean {
  return override(body, "emit", (original) => (...args) => {
    guarded(() => {
      const [event, told] = args;
      if (event === "data") {
        branch.piece(told);
      } else if (event === "end") {
        branch.whole(null);
      } else if (event === "error") {
        branch.fail(told);
      } else if (event === "close") {
        branch.close();
      }
    });
    return original(...args);
  });
}

/** A `fetch` has decoded what it gives. */
function textsOf(headers: unknown): string[] {
  const texts: string[] = [];
  const pairs = headers instanceof Object ? (Symbol.iterator in headers ? headers : Object.entries(headers)) : [];
  for (const [name, value] of pairs as Iterable<[unknown, unknown]>) {
    if (String(name).toLowerCase() !== "content-encoding") {
      texts.push(String(name), String(value));
    }
  }
  return texts;
}
