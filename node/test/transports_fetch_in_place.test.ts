/** A fetch that is not Node's own: its responses are observed while the program reads them. */

import "./home";
import "./node20";
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { HttpResponse, http, passthrough } from "msw";
import { setupServer } from "msw/node";
import { fetch as npmFetch } from "undici";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { fetch as handed, tap, untap } from "../dist/transports/fetch";
import * as httpTap from "../dist/transports/http";
import { recordedCalls, theCall } from "./recorder";
import { CHAT, CHAT_USAGE, chatEvents, start, stop } from "./stand-in";

const bare = globalThis.fetch;
const PATH = "/v1/chat/completions";
const QUESTION = { method: "POST", body: JSON.stringify({ model: "gpt-4o", messages: [] }) };
const TEXT = JSON.stringify(CHAT);

let port = 0;
before(async () => {
  port = await start();
});
after(stop);
afterEach(async () => {
  untap();
  httpTap.untap();
  globalThis.fetch = bare;
  assert.deepEqual([faults(), native().faults()], [0, 0]);
});

function url(what: string): string {
  return `http://127.0.0.1:${port}/${what}${PATH}`;
}

/** Puts a fetch that answers with this in the place of the global one. */
function mocked(answer: () => unknown): void {
  globalThis.fetch = (async () => answer()) as typeof fetch;
  tap();
}

/** An answer in pieces, which are asked for one by one. */
function streamed(pieces = chatEvents(true), more: object = {}): Response {
  const rest = pieces.map((piece) => Buffer.from(piece));
  const body = new ReadableStream(
    {
      pull: (controller) => {
        const piece = rest.shift();
        return piece === undefined ? controller.close() : controller.enqueue(piece);
      },
      ...more,
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const read = async (body: unknown) => {
  let text = "";
  for await (const piece of body as AsyncIterable<Uint8Array | string>) {
    text += Buffer.from(piece as Uint8Array).toString();
  }
  return text;
};

const READS: Record<string, (response: Response) => Promise<string | string[]>> = {
  text: (response) => response.text(),
  arrayBuffer: async (response) => Buffer.from(await response.arrayBuffer()).toString(),
  blob: async (response) => (await response.blob()).text(),
  loop: (response) => read(response.body),
  values: (response) => read((response.body as ReadableStream).values({ preventCancel: true })),
  pipe: (response) =>
    read(response.body?.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)),
  tee: (response) => Promise.all((response.body as ReadableStream).tee().map(read)),
  clone: async (response) => {
    const clone = response.clone();
    return [await response.text(), await clone.text()];
  },
  "clone, then pieces": async (response) => {
    const clone = response.clone();
    return [await read(clone.body), await read(response.body)];
  },
};

for (const [name, way] of Object.entries(READS)) {
  test(`a stream of somebody else's is the same and is observed: ${name}`, async () => {
    const without = await way(streamed());
    mocked(() => streamed());
    const response = await fetch(url("plain"), QUESTION);
    assert.deepEqual(await way(response), without);
    const call = await theCall();
    assert.deepEqual([call.status, call.usage, call.stream], ["ok", CHAT_USAGE, true]);
  });
}

test("who reads ahead in one branch tells each byte once", async () => {
  mocked(() => streamed());
  const response = await fetch(url("plain"), QUESTION);
  const [one, other] = (response.body as ReadableStream).tee().map((branch) => branch.getReader());
  const turns = [one, other, other, other, one, one, other, other, one, other, one, one, one, one];
  for (const reader of turns) {
    await reader?.read();
  }
  assert.deepEqual((await theCall()).usage, CHAT_USAGE);
});

const LIKE: Record<string, () => unknown> = {
  "has only json": () => ({ ok: true, status: 200, json: async () => CHAT }),
  "has only text": () => ({ ok: true, status: 200, headers: { a: "b" }, text: async () => TEXT }),
  "answers at once": () => ({ status: 200, text: () => TEXT }),
  "is a Response": () => Response.json(CHAT),
  "is a subclass": () => new (class extends Response {})(TEXT),
};

for (const [name, answer] of Object.entries(LIKE)) {
  test(`a mock that ${name} is observed`, async () => {
    mocked(answer);
    const response = await fetch(url("plain"), QUESTION);
    const whole = "json" in response ? await response.json() : JSON.parse(await (response as Response).text());
    assert.deepEqual(whole, CHAT);
    assert.deepEqual((await theCall()).usage, CHAT_USAGE);
  });
}

const MUTE: Record<string, () => unknown> = {
  "is frozen": () => Object.freeze({ status: 200, text: async () => TEXT }),
  "is nothing": () => undefined,
  "is a word": () => "yes",
  "has no body": () => new Response(null, { status: 204 }),
  "has nothing to read": () => ({ status: 200 }),
};

for (const [name, answer] of Object.entries(MUTE)) {
  test(`an answer that ${name} is recorded without usage`, async () => {
    const same = answer();
    mocked(() => same);
    assert.equal(await fetch(url("plain"), QUESTION), same);
    assert.deepEqual((await theCall()).usage, {});
  });
}

test("a fetch that does not promise is left alone", async () => {
  globalThis.fetch = (() => 7) as unknown as typeof fetch;
  tap();
  assert.equal(fetch(url("plain"), QUESTION) as unknown, 7);
  assert.equal((await theCall()).status, "ok");
  globalThis.fetch = (() => {
    throw new Error("mine");
  }) as typeof fetch;
  untap();
  tap();
  assert.throws(() => fetch(url("plain"), QUESTION), { message: "mine" });
  assert.deepEqual(await recordedCalls(), []);
});

test("who stops early has aborted the call, and the source hears of it", async () => {
  for (const stop of [
    (body: ReadableStream) => body.cancel("enough"),
    async (body: ReadableStream) => {
      for await (const _ of body) {
        return;
      }
    },
    async (body: ReadableStream) => {
      const piped = body.pipeThrough(new TransformStream()).getReader();
      await piped.read();
      await piped.cancel("enough");
    },
    async (body: ReadableStream) => {
      await Promise.all(body.tee().map((branch) => branch.cancel("enough")));
    },
  ]) {
    let cancels = 0;
    const pieces = chatEvents(true);
    mocked(() =>
      streamed(pieces, {
        cancel: () => {
          cancels += 1;
        },
      }),
    );
    await stop((await fetch(url("plain"), QUESTION)).body as ReadableStream);
    assert.deepEqual([(await theCall()).status, cancels], ["aborted", 1]);
    untap();
  }
});

test("an error of the stream reaches the program, and the call is lost", async () => {
  mocked(() => streamed([], { pull: () => Promise.reject(new RangeError("broken")) }));
  const response = await fetch(url("plain"), QUESTION);
  await assert.rejects(response.text(), { name: "RangeError", message: "broken" });
  const call = await theCall();
  assert.deepEqual([call.status, call.error_type], ["lost", "RangeError"]);
});

test("an error of a fetch reaches the program, and tells how it ended", async () => {
  const outcomes: [unknown, string[]][] = [
    [Object.assign(new Error("no"), { code: "ECONNRESET" }), ["lost"]],
    [Object.assign(new Error("no"), { code: "ECONNREFUSED" }), []],
    [new TypeError("bad option"), []],
    [new TypeError("failed", { cause: { code: "ENOTFOUND" } }), []],
    [new DOMException("stop", "AbortError"), ["cancelled"]],
    ["a word", ["lost"]],
    [undefined, ["lost"]],
  ];
  for (const [error, status] of outcomes) {
    mocked(() => Promise.reject(error));
    const raised = await fetch(url("plain"), QUESTION).then(
      () => assert.fail(),
      (raised: unknown) => raised,
    );
    assert.equal(raised, error);
    assert.deepEqual(
      (await recordedCalls()).map((call) => call.status),
      status,
    );
    untap();
  }
});

test("what nobody reads is aborted once nobody can", async () => {
  mocked(() => streamed());
  await fetch(url("plain"), QUESTION);
  assert.equal((await theCall()).status, "aborted");
});

test("a polyfill over node:http is one call, whichever taps are in", async () => {
  const { default: polyfill } = await import("node-fetch");
  globalThis.fetch = polyfill as unknown as typeof fetch;
  for (const taps of [[tap], [tap, httpTap.tap], [httpTap.tap]]) {
    for (const put of taps) {
      put();
    }
    for (const way of [
      (response: Response) => response.text(),
      (response: Response) => response.json(),
      (response: Response) => read(response.body),
    ]) {
      await way(await fetch(url("plain"), QUESTION));
      assert.deepEqual((await theCall()).usage, CHAT_USAGE);
    }
    untap();
    httpTap.untap();
  }
});

test("undici of the registry in the place of Node's is one call", async () => {
  globalThis.fetch = npmFetch as unknown as typeof fetch;
  tap();
  assert.equal(await (await fetch(url("plain"), QUESTION)).text(), TEXT);
  assert.deepEqual((await theCall()).usage, CHAT_USAGE);
});

for (const order of ["over", "under"]) {
  test(`with MSW ${order} the tap, what it answers and what it lets pass is one call each`, async () => {
    const msw = setupServer(
      http.post(url("mocked"), () => HttpResponse.json(CHAT)),
      http.post(url("plain"), () => passthrough()),
      http.post(url("broken"), () => HttpResponse.error()),
    );
    const steps = order === "over" ? [tap, () => msw.listen()] : [() => msw.listen(), tap];
    for (const step of steps) {
      step();
    }
    try {
      for (const what of ["mocked", "plain"]) {
        for (const one of [fetch, handed]) {
          assert.deepEqual(await (await one(url(what), QUESTION)).json(), CHAT);
          const calls = await recordedCalls();
          // Over the tap, a mock answers before us; through the fetch that was handed over, we are before it.
          const isSeen = what === "plain" || order === "under" || one === handed;
          assert.deepEqual(
            calls.map((call) => call.usage),
            isSeen ? [CHAT_USAGE] : [],
            `${what} ${one === handed}`,
          );
        }
      }
      await assert.rejects(fetch(url("broken"), QUESTION), TypeError);
    } finally {
      untap();
      msw.close();
    }
    await recordedCalls();
  });
}
