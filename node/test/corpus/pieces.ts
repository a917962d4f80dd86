/** A streamed body in the pieces that its provider flushed: joined, they are the body. */

/** @param kind the content type */
export function* pieces(body: Buffer, kind: string): Generator<Buffer> {
  const ends = kind.includes("amazon.eventstream") ? framesEnd(body) : eventsEnd(body, kind);
  let start = 0;
  for (const end of ends) {
    yield body.subarray(start, end);
    start = end;
  }
  if (start < body.length) {
    yield body.subarray(start);
  }
}

function* framesEnd(body: Buffer): Generator<number> {
  let start = 0;
  while (start + 4 <= body.length) {
    const length = body.readUInt32BE(start);
    if (length < 16 || start + length > body.length) {
      return;
    }
    start += length;
    yield start;
  }
}

function* eventsEnd(body: Buffer, kind: string): Generator<number> {
  const lines = kind.includes("ndjson") || kind.includes("stream+json");
  // One character a byte, so that a place in the text is a place in the body.
  for (const found of body.toString("latin1").matchAll(lines ? /\n/g : /\r\n\r\n|\n\n|\r\r/g)) {
    yield found.index + found[0].length;
  }
}
