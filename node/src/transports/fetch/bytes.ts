/** What a program reads of a body, as an exchange is shown it. */

import { swallow } from "../../guard";

/** Observes; what goes wrong is ours. */
export function guarded(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    swallow("fetch body", error);
  }
}

/** What was read, as bytes; `null` if it is something else. */
export function bytesOf(read: unknown): Uint8Array | null {
  if (read instanceof Uint8Array) {
    return read;
  }
  if (typeof read === "string") {
    return Buffer.from(read);
  }
  if (ArrayBuffer.isView(read)) {
    return new Uint8Array(read.buffer, read.byteOffset, read.byteLength);
  }
  return read instanceof ArrayBuffer ? new Uint8Array(read) : null;
}
