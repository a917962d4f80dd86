import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, Upload } from "../dist/transports/upload";

test("of a large upload its beginning is kept", () => {
  const upload = new Upload();
  const piece = Buffer.alloc(3 << 20, "x");
  for (let at = 0; at < 5; at += 1) {
    upload.note(piece, null);
  }
  assert.equal(upload.bytes, 15 << 20);
  assert.equal(upload.body()?.byteLength, 8 << 20);
});

test("pieces are joined whatever they are", () => {
  const upload = new Upload();
  assert.equal(upload.body(), null);
  upload.note("grü", undefined);
  upload.note(Buffer.from("ß").toString("hex"), "hex");
  upload.note(new Uint8Array(Buffer.from(" Gott")), null);
  upload.note(undefined, undefined);
  upload.note(() => {}, undefined);
  assert.equal(Buffer.from(upload.body() ?? []).toString(), "grüß Gott");
  assert.equal(upload.bytes, 11);
  assert.equal(bytesOf(7, null), null);
});

test("a piece that its owner uses again is kept as it was", () => {
  const upload = new Upload();
  const buffer = Buffer.from("first");
  upload.note(buffer, null);
  buffer.fill("x");
  assert.equal(Buffer.from(upload.body() ?? []).toString(), "first");
});
