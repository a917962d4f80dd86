/** Streams of OpenAI are asked for their usage, and nobody but the bill can tell. */

import "./home";
import "./node20";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import { Agent, interceptors, MockAgent, setGlobalDispatcher } from "undici";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { fetch as handed, tap, untap } from "../dist/transports/fetch";
import { recordedCalls } from "./recorder";
import { CHAT_USAGE, chatEvents, received, start, stop } from "./stand-in";

const dns: { lookup: unknown } = require("node:dns");
const bare = globalThis.fetch;
const PLAIN = { model: "gpt-4o", messages: [{ role: "user" as const, content: "hi" }] };
const STREAM = { ...PLAIN, stream: true as const };
const ASKED = { ...STREAM, stream_options: { include_usage: true } };
const PATH = "/v1/chat/completions";

let port = 0;
const realLookup = dns.lookup as (...args: unknown[]) => void;
before(async () => {
  port = await start();
  // The stand-in is found where OpenAI is.
  const lookup = (host: string, options: { all?: boolean }, done: (...told: unknown[]) => void) => {
    if (host !== "api.openai.com") {
      realLookup(host, options, done);
    } else if (options.all === true) {
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    } else {
      done(null, "127.0.0.1", 4);
    }
  };
  dns.lookup = lookup;
});
after(stop);
beforeEach(() => {
  received.length = 0;
});
afterEach(async () => {
  untap();
  globalThis.fetch = bare;
  await recordedCalls();
  assert.deepEqual([faults(), native().faults()], [0, 0]);
});

function base(what: string): string {
  return `http://api.openai.com:${port}/${what}`;
}

function post(more: object = {}): RequestInit {
  return { method: "POST", body: JSON.stringify(STREAM), ...more };
}

/** What the program receives without us, which it has to receive with us. */
async function withAndWithout<T>(run: () => Promise<T>): Promise<T> {
  const without = await run();
  tap();
  assert.deepEqual(await run(), without);
  untap();
  return without;
}

function sent(): unknown[] {
  return received.map(({ body }) => JSON.parse(body));
}

for (const what of ["plain", "gzip", "length"]) {
  test(`the SDK yields the same chunks and the call is priced: ${what}`, async () => {
    const chunks = await withAndWithout(async () => {
      const client = new OpenAI({ apiKey: "x", baseURL: `${base(what)}/v1`, maxRetries: 0 });
      const all: string[] = [];
      for await (const chunk of await client.chat.completions.create(STREAM)) {
        all.push(JSON.stringify(chunk));
      }
      return all;
    });
    assert.equal(chunks.length, 4);
    const [call] = await recordedCalls();
    assert.deepEqual([call?.usage, call?.status, call?.stream], [CHAT_USAGE, "ok", true]);
    assert.deepEqual(sent(), [STREAM, ASKED]);
  });

  test(`a program receives the same bytes however it reads: ${what}`, async () => {
    for (const body of [JSON.stringify(STREAM), Buffer.from(JSON.stringify(STREAM))]) {
      for (const read of [
        (response: Response) => response.text(),
        async (response: Response) => Buffer.from(await response.clone().arrayBuffer()).toString(),
        async (response: Response) => {
          let text = "";
          for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
            text += Buffer.from(piece).toString();
          }
          return text;
        },
      ]) {
        const text = await withAndWithout(async () => read(await fetch(base(what) + PATH, post({ body }))));
        assert.equal(text, chatEvents(false).join(""));
      }
    }
    assert.deepEqual(sent().at(-1), ASKED);
  });
}

test("the fetch that is handed over asks as well, once", async () => {
  tap();
  await (await handed(base("plain") + PATH, post())).text();
  assert.deepEqual(sent(), [ASKED]);
});

test("who asks himself is not asked for", async () => {
  tap();
  await (await fetch(base("plain") + PATH, post({ body: JSON.stringify(ASKED) }))).text();
  await (await fetch(base("plain") + PATH, post({ body: JSON.stringify(PLAIN) }))).text();
  assert.deepEqual(sent(), [ASKED, PLAIN]);
});

test("a redirect asks again", async () => {
  const text = await withAndWithout(async () => (await fetch(base("moved") + PATH, post())).text());
  assert.equal(text, chatEvents(false).join(""));
  assert.deepEqual(sent(), [STREAM, STREAM, ASKED, ASKED]);
  assert.deepEqual((await recordedCalls())[0]?.usage, CHAT_USAGE);
});

test("of a stream that hangs, the program has all events that came", async () => {
  const read = async () => {
    const abort = new AbortController();
    const response = await fetch(base("halfHang") + PATH, post({ signal: abort.signal }));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    const events = chatEvents(false).slice(0, 2).join("");
    while (text.length < events.length) {
      text += Buffer.from((await reader.read()).value as Uint8Array).toString();
    }
    abort.abort();
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    });
    return text.slice(0, events.length);
  };
  await withAndWithout(read);
  assert.equal((await recordedCalls())[0]?.status, "cancelled");
});

test("of a broken stream, the program has all that came", async () => {
  const read = async () => {
    const response = await fetch(base("cut") + PATH, post());
    let text = "";
    await assert.rejects(
      async () => {
        for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
          text += Buffer.from(piece).toString();
        }
      },
      { name: "TypeError", message: "terminated" },
    );
    return text;
  };
  await withAndWithout(read);
  assert.equal((await recordedCalls())[0]?.status, "lost");
});

const SIGNED: [string, string][] = [
  ["authorization", "AWS4-HMAC-SHA256 Credential=x"],
  ["content-digest", "sha-256=:x:"],
  ["x-acme-signature", "x"],
  ["Content-MD5", "x"],
];

test("a signed request stays", async () => {
  tap();
  for (const header of SIGNED) {
    await (await fetch(base("plain") + PATH, post({ headers: [header] }))).text();
  }
  assert.deepEqual(
    sent(),
    SIGNED.map(() => STREAM),
  );
});

test("who is between the program and the network gets the program's own request", async () => {
  const seen: unknown[] = [];
  class Own extends Agent {
    override dispatch(...[options, handler]: Parameters<Agent["dispatch"]>): boolean {
      return super.dispatch(options, handler);
    }
  }
  const patched = new Agent();
  const { dispatch } = patched;
  patched.dispatch = (options, handler) => dispatch.call(patched, options, handler);
  const composed = new Agent().compose(interceptors.retry());
  const factory = new Agent({ factory: (origin, options) => new (require("undici").Pool)(origin, options) });
  tap();
  for (const dispatcher of [new Own(), patched, composed, factory]) {
    const init = post({ dispatcher });
    await (await fetch(base("plain") + PATH, init)).text();
    await dispatcher.close();
  }
  const mock = new MockAgent();
  mock
    .get(`http://api.openai.com:${port}`)
    .intercept({ path: `/plain${PATH}`, method: "POST" })
    .reply(200, ({ body }) => {
      seen.push(JSON.parse(String(body)));
      return "data: [DONE]\n\n";
    });
  await (await fetch(base("plain") + PATH, post({ dispatcher: mock }))).text();
  untap();
  globalThis.fetch = (input, init) => bare(input, init);
  tap();
  await (await fetch(base("plain") + PATH, post())).text();
  assert.deepEqual([...sent(), ...seen], Array(6).fill(STREAM));
});

test("an agent of the program's that only connects in its way may be asked through", async () => {
  const before = (globalThis as unknown as Record<symbol, unknown>)[Symbol.for("undici.globalDispatcher.1")];
  setGlobalDispatcher(new Agent({ connect: { timeout: 5_000 } }));
  tap();
  await (await fetch(base("plain") + PATH, post())).text();
  setGlobalDispatcher(before as Agent);
  assert.deepEqual(sent(), [ASKED]);
});

interface Vector {
  readonly name: string;
  readonly url: string;
  readonly request: string;
  readonly sends: string | null;
  readonly status?: number;
  readonly content_type?: string;
  readonly answer?: string;
  readonly receives?: string;
}

test("the vectors hold through the tap", async () => {
  const file = path.join(__dirname, "../../core/conformance/stream_usage.jsonl");
  const vectors = readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Vector);
  let asked = 0;
  tap();
  for (const vector of vectors.filter(({ answer }) => answer !== undefined)) {
    let body: unknown = vector.request;
    class Agent {
      dispatch(options: { body: unknown }, handler: { [name: string]: (...args: unknown[]) => unknown }): boolean {
        body = options.body instanceof Uint8Array ? Buffer.from(options.body).toString() : vector.request;
        handler.onConnect?.(() => {});
        const type = Buffer.from(vector.content_type ?? "text/event-stream");
        handler.onHeaders?.(vector.status ?? 200, [Buffer.from("content-type"), type], () => {}, "");
        const answer = Buffer.from(vector.answer ?? "");
        for (let at = 0; at < answer.length; at += 30) {
          handler.onData?.(answer.subarray(at, at + 30));
        }
        handler.onComplete?.([]);
        return true;
      }
    }
    const init = { method: "POST", body: vector.request, dispatcher: new Agent() } as unknown as RequestInit;
    const response = await fetch(vector.url, init);
    const text = Buffer.from(await response.arrayBuffer()).toString();
    assert.equal(text, vector.receives ?? vector.answer, vector.name);
    assert.equal(body, vector.sends ?? vector.request, vector.name);
    asked += body === vector.request ? 0 : 1;
  }
  assert.ok(asked > 5);
});
