/** undici of the registry, used without the global fetch. */

import "./home";
import "./node20";
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, afterEach, before, test } from "node:test";
import * as undici from "undici";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import * as fetchTap from "../dist/transports/fetch";
import { tap, untap } from "../dist/transports/undici";
import { recordedCalls } from "./recorder";
import { CHAT, CHAT_USAGE, start, stop } from "./stand-in";

const PATH = "/v1/chat/completions";
const QUESTION = {
  method: "POST" as const,
  body: JSON.stringify({ model: "gpt-4o", messages: [] }),
  headers: { "x-stainless-retry-count": "1" },
};
const TEXT = JSON.stringify(CHAT);

let port = 0;
before(async () => {
  port = await start();
});
after(stop);
afterEach(() => {
  fetchTap.untap();
  untap();
  assert.deepEqual([faults(), native().faults()], [0, 0]);
});

const origin = () => `http://127.0.0.1:${port}`;
const url = (what: string) => `${origin()}/${what}${PATH}`;

async function throughOf(dispatcher: undici.Dispatcher): Promise<string> {
  const { body } = await dispatcher.request({ origin: origin(), path: `/plain${PATH}`, ...QUESTION });
  const told = await body.text();
  await dispatcher.close();
  return told;
}

const WAYS: Record<string, () => Promise<string>> = {
  request: async () => (await undici.request(url("plain"), QUESTION)).body.text(),
  stream: async () => {
    let told = "";
    await undici.stream(url("plain"), QUESTION, () => {
      return new Writable({
        write: (piece, _, done) => {
          told += piece;
          done();
        },
      });
    });
    return told;
  },
  pipeline: () => text(undici.pipeline(url("plain"), { method: "POST" }, ({ body }) => body).end(QUESTION.body)),
  fetch: async () => (await undici.fetch(url("plain"), QUESTION)).text(),
  Client: () => throughOf(new undici.Client(origin())),
  Pool: () => throughOf(new undici.Pool(origin(), { connections: 1 })),
  Agent: () => throughOf(new undici.Agent()),
  interceptors: () => throughOf(new undici.Agent().compose(undici.interceptors.retry())),
};

for (const [name, way] of Object.entries(WAYS)) {
  test(`a call through ${name} is the same, and recorded once`, async () => {
    assert.equal(await way(), TEXT);
    assert.deepEqual(await recordedCalls(), []);
    tap();
    tap();
    fetchTap.tap();
    assert.equal(await way(), TEXT);
    untap();
    const calls = await recordedCalls();
    assert.deepEqual(
      calls.map((call) => [call.status, call.usage]),
      [["ok", CHAT_USAGE]],
    );
    assert.equal(await way(), TEXT);
    assert.deepEqual(await recordedCalls(), []);
  });
}

test("the headers of a request tell which try it is", async () => {
  tap();
  await WAYS.request?.();
  assert.equal((await recordedCalls())[0]?.attempt, 2);
});

test("a request that waits for a connection is recorded once", async () => {
  tap();
  fetchTap.tap();
  const dispatcher = new undici.Agent({ connections: 1 });
  const init = { ...QUESTION, dispatcher } as unknown as RequestInit;
  await Promise.all(Array.from({ length: 5 }, async () => (await fetch(url("plain"), init)).text()));
  await dispatcher.close();
  assert.equal((await recordedCalls()).length, 5);
});

test("what the global fetch sends is recorded once, however it is asked", async () => {
  tap();
  fetchTap.tap();
  const init = { method: "POST", body: QUESTION.body };
  await (await fetch(url("moved"), init)).text();
  await (await fetch(new Request(url("plain"), init))).text();
  await (await fetchTap.fetch(new Request(url("plain"), init))).text();
  assert.deepEqual(
    (await recordedCalls()).map((call) => call.usage),
    [CHAT_USAGE, CHAT_USAGE, CHAT_USAGE],
  );
});

for (const [what, status] of Object.entries({ drop: "lost", cut: "lost", refuse: "error" })) {
  test(`an answer that is ${what} is recorded as ${status}`, async () => {
    tap();
    await undici
      .request(url(what), QUESTION)
      .then(({ body }) => body.text())
      .catch(() => {});
    assert.equal((await recordedCalls())[0]?.status, status);
  });
}
