/** What surrounds a request of `node:http`, and what it is stacked under. */

import "./home";
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { track } from "llmlab";
import { faults } from "../dist/guard";
import { instrument, uninstrument } from "../dist/instrument";
import { native } from "../dist/native";
import { recordedCalls } from "./recorder";

const QUESTION = JSON.stringify({ model: "gpt-4", messages: [] });
const ANSWER = JSON.stringify({ id: "c", model: "gpt-4", usage: { prompt_tokens: 9, completion_tokens: 3 } });

const server = http.createServer((request, response) => request.resume().on("end", () => response.end(ANSWER)));
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  uninstrument();
  assert.equal(faults() + native().faults(), 0, "llmlab failed inside");
});

function within<T>(feature: string, act: () => T): T {
  return track({ feature }, act);
}

async function post(agent: http.Agent): Promise<void> {
  const [response] = await once(http.request(url(), { method: "POST", agent }).end(QUESTION), "response");
  response.resume();
  await once(response, "end");
}

test("a call belongs to the scope that sent it, whosever connection it takes", async () => {
  instrument();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await Promise.all(["first", "second", "third"].map((feature) => within(feature, () => post(agent))));
  agent.destroy();
  const calls = await recordedCalls();
  assert.deepEqual(
    calls.map(({ feature }) => feature),
    ["first", "second", "third"],
  );
});

test("node-fetch in the place of the global fetch is counted once", async () => {
  const { default: nodeFetch } = await import("node-fetch");
  const own = globalThis.fetch;
  globalThis.fetch = nodeFetch as never;
  try {
    instrument();
    const response = await fetch(url(), { method: "POST", body: QUESTION });
    assert.equal(await response.text(), ANSWER);
    assert.equal((await recordedCalls()).length, 1);
  } finally {
    uninstrument();
    globalThis.fetch = own;
  }
});

test("requests that run at the same time are told apart", async () => {
  instrument();
  const agent = new http.Agent();
  await Promise.all(Array.from({ length: 50 }, (_, at) => within(`f${at}`, () => post(agent))));
  agent.destroy();
  const features = (await recordedCalls()).map(({ feature }) => feature);
  assert.equal(new Set(features).size, 50);
});
