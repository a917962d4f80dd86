/** What a program sees of a request, with and without us, in every misfortune. */

import "./home";
import "./node20";
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Agent, MockAgent } from "undici";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { tap, untap } from "../dist/transports/fetch";
import { recordedCalls } from "./recorder";
import { start, stop } from "./stand-in";

const STREAM = JSON.stringify({ model: "gpt-4o", messages: [], stream: true });
const bare = globalThis.fetch;

let port = 0;
before(async () => {
  port = await start();
});
after(stop);
afterEach(() => {
  untap();
  assert.equal(globalThis.fetch, bare);
  assert.deepEqual([faults(), native().faults()], [0, 0]);
});

type Note = (...what: unknown[]) => void;

/** Ways to read an answer. */
const READS: Record<string, (response: Response, note: Note) => Promise<unknown>> = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  arrayBuffer: async (response) => Buffer.from(await response.arrayBuffer()).toString(),
  blob: async (response) => (await response.blob()).text(),
  loop: (response) => pieces(response.body as unknown as AsyncIterable<Uint8Array>),
  reader: async (response) => {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        await reader.closed;
        return text;
      }
      text += Buffer.from(value).toString("latin1");
    }
  },
  "reader of one's own bytes": async (response) => {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader({ mode: "byob" });
    let text = "";
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(64));
      if (done) {
        return text;
      }
      text += Buffer.from(value).toString("latin1");
    }
  },
  pipe: (response) =>
    pieces(
      (response.body as ReadableStream<Uint8Array>).pipeThrough(
        new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>,
      ) as unknown as AsyncIterable<string>,
    ),
  pipeTo: async (response, note) => {
    let text = "";
    await response.body?.pipeTo(
      new WritableStream({
        write: (piece) => {
          text += Buffer.from(piece).toString("latin1");
        },
        close: () => note("closed"),
        abort: (reason) => note("aborted", String(reason)),
      }),
    );
    return text;
  },
  tee: async (response) => {
    const [one, other] = (response.body as ReadableStream).tee();
    return Promise.all([one, other].map((branch) => pieces(branch as unknown as AsyncIterable<Uint8Array>)));
  },
  clone: async (response) => {
    const clone = response.clone();
    return [await response.text(), await clone.text(), await clone.text().catch(shown)];
  },
  twice: async (response) => [await response.text(), await response.text().catch(shown), response.bodyUsed],
  "a little": async (response) => {
    for await (const _ of response.body as unknown as AsyncIterable<Uint8Array>) {
      return response.bodyUsed;
    }
    return "nothing";
  },
  nothing: async (response) => response.body?.cancel(),
};

async function pieces(body: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = "";
  for await (const piece of body) {
    text += typeof piece === "string" ? piece : Buffer.from(piece).toString("latin1");
  }
  return text;
}

function shown(error: unknown): unknown {
  const { name, message, cause } = error as Error;
  return [name, message, cause === undefined ? undefined : `${(cause as Error).name} ${(cause as Error).message}`];
}

async function transcript(input: Parameters<typeof fetch>, read: (typeof READS)[string]): Promise<unknown[]> {
  const notes: unknown[] = [];
  const note: Note = (...what) => notes.push(what);
  try {
    const answer = fetch(...input);
    note(answer.constructor.name);
    const response = await answer;
    const { status, statusText, url, redirected, type, ok, bodyUsed } = response;
    note(status, statusText, url, redirected, type, ok, bodyUsed, response.body === null);
    note([...response.headers].filter(([name]) => name !== "date"));
    note(Object.prototype.toString.call(response), response instanceof Response, Object.keys(response));
    note(await read(response, note), response.bodyUsed);
  } catch (error) {
    note(shown(error));
  }
  return notes;
}

const ANSWERS = [
  ...["plain", "gzip", "length", "refuse", "moved", "other", "hints", "trailers", "nothing", "empty"],
  ...["mislabelled", "huge", "drop", "cut", "short", "truncatedGzip", "noGzip", "badChunk", "noHttp", "untilClose"],
];

for (const what of ANSWERS) {
  for (const way of ["given an address", "given a request"]) {
    test(`an answer that is ${what}, ${way}, is the same however it is read`, async () => {
      for (const [name, read] of Object.entries(READS)) {
        const input = (): Parameters<typeof fetch> => {
          const init = { method: "POST", body: STREAM };
          const url = `http://127.0.0.1:${port}/${what}/v1/chat/completions`;
          return way === "given a request" ? [new Request(url, init)] : [url, init];
        };
        const without = await transcript(input(), read);
        tap();
        assert.deepEqual(await transcript(input(), read), without, name);
        untap();
      }
      await recordedCalls();
    });
  }
}

test("a program's own dispatcher sends its requests, of whatever make", async () => {
  const seen: unknown[] = [];
  class Own extends Agent {
    override dispatch(...[options, handler]: Parameters<Agent["dispatch"]>): boolean {
      seen.push([options.path, options.method, options.headers]);
      return super.dispatch(options, handler);
    }
  }
  const own = new Own();
  const origin = `http://127.0.0.1:${port}`;
  const path = "/plain/v1/chat/completions";
  const answered = { id: "x", model: "gpt-4o", choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } };
  const text = READS.text as (typeof READS)[string];
  const run = async (tapped: boolean) => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    mock.get(origin).intercept({ path, method: "POST", body: STREAM }).reply(200, answered);
    const all: unknown[] = [];
    for (const dispatcher of [own, mock, mock]) {
      const init = { method: "POST", body: STREAM, dispatcher } as unknown as RequestInit;
      all.push(await transcript([origin + path, init], text));
    }
    assert.equal((await recordedCalls()).length, tapped ? 2 : 0);
    return [all, seen.splice(0)];
  };
  const without = await run(false);
  tap();
  assert.deepEqual(await run(true), without);
  await own.close();
});
