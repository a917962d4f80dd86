/** The golden vectors, which Rust and Python run too, through the functions of this package. */

import "./home";
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import type { Event } from "llmlab";
import * as llmlab from "llmlab";
import { begin as beginExchange } from "../dist/exchange";
import { begin, call, calls } from "./taken";
import type { Vector } from "./vectors";
import { bodyOf, vectors, written } from "./vectors";

const WIRE = vectors("usage");

/** Sends the request of a vector to its response, as a transport tells it. */
function exchanged(vector: Vector): void {
  if (vector.definition !== undefined) {
    const { id, model_in_path, ...options } = vector.definition;
    llmlab.registerProvider(id, { ...options, modelInPath: model_in_path });
  }
  const asked = typeof vector.request === "string" ? vector.request : written(vector.request);
  const sent = () => "content-type\napplication/json";
  const exchange = beginExchange(vector.method ?? "POST", vector.url, asked, sent);
  if (exchange === null) {
    return;
  }
  const head = { "content-type": vector.content_type ?? "application/json", ...vector.headers };
  const coding = vector.content_encoding === undefined ? {} : { "content-encoding": vector.content_encoding };
  exchange.head(
    vector.status ?? 200,
    Object.entries({ ...head, ...coding })
      .flat()
      .join("\n"),
  );
  exchange.push(bodyOf(vector));
  if (vector.end === "lost") {
    exchange.lost(null);
  } else if (vector.end === "closed") {
    exchange.closed();
  } else {
    exchange.complete();
  }
}

for (const vector of WIRE.filter((vector) => "url" in vector)) {
  test(`the wire is read as the vector says: ${vector.name}`, async () => {
    await begin(); // a response that was seen before would not count again
    exchanged(vector);
    const expected = vector.expect === null ? [] : Array.isArray(vector.expect) ? vector.expect : [vector.expect];
    const recorded = await calls();
    assert.equal(recorded.length, expected.length);
    for (const [index, event] of recorded.entries()) {
      assertIs(event, expected[index]);
    }
  });
}

function assertIs(event: Event, expected: Vector): void {
  const fields = Object.keys(expected).filter((name) => name in event);
  const others = fields.filter((name) => name !== "usage");
  const pick = (from: Record<string, unknown>) => Object.fromEntries(others.map((name) => [name, from[name]]));
  assert.deepEqual(pick(event), pick(expected));
  assert.deepEqual(event.usage, asNumbers(expected.usage ?? {}));
  if (expected.provider_cost !== undefined) {
    assert.equal(event.provider_cost_usd, expected.provider_cost);
  }
}

/** Counts as an event of JSON has them here: above 2^53 the nearest number. */
function asNumbers(usage: Record<string, number | bigint>): Record<string, number> {
  return Object.fromEntries(Object.entries(usage).map(([name, count]) => [name, Number(count)]));
}

for (const vector of vectors("event.jsonl")) {
  test(`an exchange becomes the event that the vector says: ${vector.name}`, async () => {
    await begin({ project: "shop", environment: "test" });
    llmlab.track({ feature: "search", user: "ann", tags: { team: "a" } }, () => exchanged(vector));
    const event = await call();
    const names = Object.keys(vector.expect);
    assert.deepEqual(Object.fromEntries(names.map((name) => [name, event[name]])), vector.expect);
  });
}

for (const vector of WIRE.filter((vector) => "read" in vector)) {
  test(`a body is read as the vector says: ${vector.name}`, () => {
    const [provider, api] = vector.read;
    const expected = inJavaScript(vector.expect?.usage ?? null);
    for (const body of [vector.body, bodyOf(vector), bodyOf(vector).toString()]) {
      assert.deepEqual(llmlab.readUsage(provider, body, { api }), expected);
    }
  });
}

/** Counts by their names here. */
function inJavaScript(usage: Record<string, number> | null): Record<string, number> | null {
  if (usage === null || Object.keys(usage).length === 0) {
    return null;
  }
  const name = (word: string) => word.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(usage).map(([word, count]) => [name(word), count]));
}

for (const vector of vectors("price")) {
  test(`a cost is what the vector says: ${vector.name}`, () => {
    const { service_tier, inference_geo, speed, search_context_size, usage, at } = vector;
    const options = {
      usage,
      at,
      serviceTier: service_tier,
      inferenceGeo: inference_geo,
      speed,
      searchContextSize: search_context_size,
    };
    const ask = () => llmlab.cost(vector.provider, vector.model, options);
    if (vector.error !== undefined) {
      assert.throws(ask, (error) => error instanceof llmlab.LlmlabError && error.code === vector.error);
      return;
    }
    const cost = ask();
    assert.deepEqual([cost.total, cost.state], [vector.cost_usd, vector.state]);
    assert.equal(cost.totalNumber, cost.total === null ? null : Number(cost.total));
    assert.equal(cost.matchedBy, vector.matched_by ?? cost.matchedBy);
    assert.equal(cost.model, vector.model_id ?? cost.model);
  });
}

for (const vector of vectors("stream_usage.jsonl")) {
  for (const size of [1, 7, 1_000_000]) {
    test(`a stream is asked and cleaned as the vector says, in pieces of ${size}: ${vector.name}`, async () => {
      await begin();
      const exchange = beginExchange("POST", vector.url, vector.request, () => "content-type\napplication/json");
      const sent = exchange?.mayAsk ? exchange.bodyToSend(vector.request) : null;
      assert.equal(sent && Buffer.from(sent).toString(), vector.sends);
      exchange?.head(vector.status, `content-type\n${vector.content_type}`);
      const answer = Buffer.from(vector.answer);
      const received: Uint8Array[] = [];
      for (let start = 0; start < answer.length; start += size) {
        const piece = answer.subarray(start, start + size);
        received.push(sent ? (exchange?.passed(piece) ?? piece) : piece);
        if (!sent) {
          exchange?.push(piece);
        }
      }
      received.push(sent && exchange ? exchange.rest() : new Uint8Array());
      exchange?.complete();
      assert.equal(Buffer.concat(received).toString(), vector.receives);
      const recorded = await calls();
      assert.deepEqual(recorded[0]?.usage ?? null, vector.usage ?? recorded[0]?.usage ?? null);
    });
  }
}

test("the codings of a body give the same call", async () => {
  const vector = WIRE.find((vector) => "body" in vector && "url" in vector && vector.expect?.usage);
  assert.ok(vector);
  await begin();
  exchanged(vector);
  const { body: _, ...rest } = vector;
  exchanged({ ...rest, hex: deflateSync(bodyOf(vector)).toString("hex"), content_encoding: "deflate" });
  const [plain, packed] = await calls();
  assert.deepEqual(plain?.usage, vector.expect.usage);
  assert.deepEqual(packed?.usage, vector.expect.usage);
});
