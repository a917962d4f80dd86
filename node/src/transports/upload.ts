/** The body of a request, as far as it is at hand while a client writes it. */

/** Of a body that comes in pieces, this much is kept: what tells the model is in the first of it, or in a small body. */
const MAX_KEPT_BYTES = 8 << 20;

/** Keeps the pieces that were written. */
export class Upload {
  #pieces: Uint8Array[] = [];
  /** What was written so far, kept or not. */
  bytes = 0;

  /** Notes a piece; what is no piece was refused by the client. It is copied: its owner may use it again. */
  note(chunk: unknown, encoding: unknown): void {
    const bytes = bytesOf(chunk, encoding);
    if (bytes === null) {
      return;
    }
    const room = MAX_KEPT_BYTES - this.bytes;
    this.bytes += bytes.byteLength;
    if (room > 0) {
      this.#pieces.push(typeof chunk === "string" ? bytes : Uint8Array.prototype.slice.call(bytes, 0, room));
    }
  }

  /** What is kept. */
  body(): Uint8Array | null {
    const [first] = this.#pieces;
    return this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : (first ?? null);
  }
}

/** A piece that was written, not copied if it is bytes; `null` if it is none. */
export function bytesOf(chunk: unknown, encoding: unknown): Uint8Array | null {
  if (typeof chunk === "string") {
    return Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8");
  }
  return chunk instanceof Uint8Array ? chunk : null;
}
