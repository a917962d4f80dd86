/** All that a program can see of a request of `node:http` or `node:http2`, in the order in which it happens. */

import type { EventEmitter } from "node:events";

/** Shows an error, with what differs between two runs left out. */
export function shown(value: unknown): unknown {
  if (value instanceof Error) {
    const { code } = value as NodeJS.ErrnoException;
    return `${value.name} ${code ?? ""} ${value.message}`.replace(/127\.0\.0\.1:\d+|localhost:\d+/g, "SERVER");
  }
  if (value instanceof Uint8Array) {
    return `${value.byteLength} bytes ${Buffer.from(value).toString("latin1").slice(0, 200)}`;
  }
  return ["string", "number", "boolean"].includes(typeof value) ? value : typeof value;
}

/** What happened. */
export class Transcript {
  readonly lines: unknown[] = [];

  note(...what: unknown[]): void {
    this.lines.push(what.map(shown));
  }

  /** Notes every event of an emitter, without listening to any. */
  follow(name: string, emitter: EventEmitter): void {
    const emit = emitter.emit;
    emitter.emit = (event: string | symbol, ...args: unknown[]) => {
      this.note(name, String(event), args[0]);
      return emit.call(emitter, event, ...args);
    };
  }
}

/** Resolves once an emitter has closed, whatever else it does. */
export function closed(emitter: EventEmitter): Promise<void> {
  return new Promise((resolve) => emitter.once("close", () => setImmediate(resolve)));
}
