/** Methods of an object's own, put before those of its class. */

import { swallow } from "../../guard";

type Method = (...args: unknown[]) => unknown;

/** Puts a method before the one that an object has. Whether it could. */
export function override(target: object, name: PropertyKey, wrap: (original: Method) => Method): boolean {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function" || !Object.isExtensible(target)) {
    return false;
  }
  const value = wrap((...args) => Reflect.apply(original, target, args));
  return Reflect.defineProperty(target, name, { value, configurable: true, writable: true });
}

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
