/** How the calls of a tapped `fetch` end, and what is then recorded of them. */

import "./home";
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { tap, untap } from "../dist/transports/fetch";
import { recordedCalls, theCall } from "./recorder";
import { CHAT_USAGE, received, start, stop } from "./stand-in";

const QUESTION = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
const STREAM = JSON.stringify({ ...JSON.parse(QUESTION), stream: true, stream_options: { include_usage: true } });

let port = 0;
before(async () => {
  port = await start();
});
after(stop);
beforeEach(async () => {
  received.length = 0;
  await recordedCalls();
});
afterEach(() => {
  untap();
  assert.deepEqual([faults(), native().faults()], [0, 0]);
});

function url(what: string): string {
  return `http://127.0.0.1:${port}/${what}/v1/chat/completions`;
}

function post(body = QUESTION, more: object = {}): RequestInit {
  return { method: "POST", body, headers: { "content-type": "application/json" }, ...more };
}

for (const [what, status] of Object.entries({
  hints: "ok",
  trailers: "ok",
  gzip: "ok",
  mislabelled: "ok",
  huge: "ok",
  untilClose: "ok",
  refuse: "error",
  drop: "lost",
  noHttp: "lost",
  short: "lost",
})) {
  test(`an answer that is ${what} is recorded as ${status}`, async () => {
    tap();
    await fetch(url(what), post())
      .then((response) => response.text())
      .catch(() => {});
    const call = await theCall();
    assert.equal(call.status, status);
    assert.deepEqual(call.usage, status === "ok" ? CHAT_USAGE : {});
  });
}

test("a stream that breaks off is lost", async () => {
  tap();
  const response = await fetch(url("cut"), post(STREAM));
  await assert.rejects(response.text());
  assert.deepEqual([(await theCall()).status, response.status], ["lost", 200]);
});

test("who aborts before the answer has cancelled the call", async () => {
  tap();
  for (const reason of [undefined, new Error("mine"), "a word", 0]) {
    const abort = new AbortController();
    const answer = fetch(url("silent"), post(QUESTION, { signal: abort.signal }));
    await arrived(1);
    received.length = 0;
    abort.abort(reason);
    await assert.rejects(answer.catch((error) => Promise.reject(Object(error))));
    assert.equal((await theCall()).status, "cancelled");
  }
});

async function arrived(count: number): Promise<void> {
  while (received.length < count) {
    await new Promise(setImmediate);
  }
}

test("who aborts during the answer has cancelled the call", async () => {
  tap();
  const abort = new AbortController();
  const response = await fetch(new Request(url("hang"), post(STREAM, { signal: abort.signal })));
  const reader = (response.body as ReadableStream).getReader();
  await reader.read();
  abort.abort();
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  });
  assert.equal((await theCall()).status, "cancelled");
});

test("a timeout of a signal has cancelled the call", async () => {
  tap();
  const response = fetch(url("silent"), post(QUESTION, { signal: AbortSignal.timeout(50) }));
  await assert.rejects(response, { name: "TimeoutError" });
  const call = await theCall();
  assert.deepEqual([call.status, call.error_type], ["cancelled", "TimeoutError"]);
});

const ENDS: Record<string, (response: Response) => Promise<unknown>> = {
  "cancels the body": (response) => (response.body as ReadableStream).cancel(),
  "breaks out of a loop": async (response) => {
    for await (const _ of response.body as unknown as AsyncIterable<Uint8Array>) {
      break;
    }
  },
  "cancels a reader": async (response) => {
    const reader = (response.body as ReadableStream).getReader();
    await reader.read();
    await reader.cancel();
  },
  "cancels both branches": async (response) => {
    const clone = response.clone();
    await Promise.all([(response.body as ReadableStream).cancel(), (clone.body as ReadableStream).cancel()]);
  },
};

for (const [name, end] of Object.entries(ENDS)) {
  test(`who ${name} has aborted the call`, async () => {
    tap();
    await end(await fetch(url("hang"), post(STREAM)));
    assert.equal((await theCall()).status, "aborted");
  });
}

test("a body that nobody reads is recorded as far as it came", async () => {
  tap();
  await (async () => {
    assert.equal((await fetch(url("plain"), post())).status, 200);
  })();
  assert.equal((await theCall()).status, "ok");
});
