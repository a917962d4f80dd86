import "./home";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { track } from "llmlab";
import { fetch as given } from "../dist/fetch";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { fetch as handed, tap, untap } from "../dist/transports/fetch";
import { recordedCalls, theCall } from "./recorder";
import { CHAT, CHAT_USAGE, received, start, stop } from "./stand-in";

const bare = globalThis.fetch;
const PATH = "/v1/chat/completions";
const QUESTION = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
const STREAM = JSON.stringify({ ...JSON.parse(QUESTION), stream: true, stream_options: { include_usage: true } });

let port = 0;
/** Faults that tests provoke. */
let swallowed = 0;
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
  globalThis.fetch = bare;
  assert.deepEqual([faults(), native().faults()], [swallowed, 0]);
});

function url(what: string, path = PATH): string {
  return `http://127.0.0.1:${port}/${what}${path}`;
}

function post(body: RequestInit["body"] = QUESTION, more: object = {}): RequestInit {
  return { method: "POST", body: body ?? null, headers: { "content-type": "application/json" }, ...more };
}

async function statuses(): Promise<string[]> {
  return (await recordedCalls()).map((call) => call.status);
}

test("a call through the global fetch is recorded with what it used", async () => {
  tap();
  assert.deepEqual(await (await fetch(url("plain"), post())).json(), CHAT);
  const call = await theCall();
  assert.deepEqual([call.status, call.model, call.usage, call.stream], ["ok", CHAT.model, CHAT_USAGE, false]);
});

test("a call through the fetch that is handed to a client is recorded without a tap", async () => {
  await (await handed(url("plain"), post())).text();
  assert.deepEqual((await theCall()).usage, CHAT_USAGE);
});

test("a call that both see is recorded once", async () => {
  tap();
  tap();
  await (await handed(url("plain"), post())).text();
  assert.deepEqual(await statuses(), ["ok"]);
  // Through somebody who passes on what he is given.
  const ours = globalThis.fetch;
  globalThis.fetch = async (input, init) => ours(input, init);
  await (await handed(url("plain"), post())).text();
  assert.deepEqual(await statuses(), ["ok"]);
});

test("a second copy of the package finds that there is a tap", async () => {
  tap();
  const ours = globalThis.fetch;
  const file = require.resolve("../dist/transports/fetch");
  const { [file]: first } = require.cache;
  delete require.cache[file];
  const second: { tap(): void; untap(): void; fetch: typeof fetch } = require(file);
  require.cache[file] = first;
  second.tap();
  assert.equal(globalThis.fetch, ours);
  await (await second.fetch(url("plain"), post())).text();
  assert.deepEqual(await statuses(), ["ok"]);
  second.untap();
  assert.equal(globalThis.fetch, ours);
});

test("the tap looks like what it covers, and leaves no trace", () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  tap();
  assert.notEqual(globalThis.fetch, bare);
  for (const one of [globalThis.fetch, given]) {
    assert.deepEqual([one.name, one.length], ["fetch", 1]);
  }
  const { value: _, ...flags } = Object.getOwnPropertyDescriptor(globalThis, "fetch") as PropertyDescriptor;
  untap();
  assert.deepEqual(Object.getOwnPropertyDescriptor(globalThis, "fetch"), own);
  assert.deepEqual({ value: bare, ...flags }, own);
  assert.equal(Symbol.for("llmlab.fetch") in globalThis, false);
});

test("a fetch that others put over the tap is kept, and sees on after the tap is out", async () => {
  tap();
  const ours = globalThis.fetch;
  let seen = 0;
  const theirs: typeof fetch = (input, init) => {
    seen += 1;
    return ours(input, init);
  };
  globalThis.fetch = theirs;
  await (await fetch(url("plain"), post())).text();
  untap();
  assert.equal(globalThis.fetch, theirs);
  await (await fetch(url("plain"), post())).text();
  assert.deepEqual([await statuses(), seen], [["ok"], 2]);
  tap();
  await (await fetch(url("plain"), post())).text();
  assert.deepEqual([await statuses(), seen], [["ok"], 3]);
  untap();
  assert.equal(globalThis.fetch, theirs);
});

test("what is no call to a model passes through untouched", async () => {
  let given: unknown[] = [];
  globalThis.fetch = (async (...args: unknown[]) => {
    given = args;
    return new Response();
  }) as typeof fetch;
  tap();
  const init = { method: "POST", body: "{}" };
  await fetch("http://127.0.0.1/login", init);
  assert.equal(given[1], init);
  assert.deepEqual(await statuses(), []);
});

const encoded = new TextEncoder().encode(QUESTION);

const INPUTS: Record<string, () => Parameters<typeof fetch>> = {
  string: () => [url("plain"), post()],
  URL: () => [new URL(url("plain")), post()],
  bytes: () => [url("plain"), post(encoded)],
  ArrayBuffer: () => [url("plain"), post(encoded.slice().buffer)],
  DataView: () => [url("plain"), post(new DataView(encoded.slice().buffer))],
  Blob: () => [url("plain"), post(new Blob([QUESTION]))],
  stream: () => [url("plain"), post(new Blob([QUESTION]).stream(), { duplex: "half" })],
  "async iterable": () => [
    url("plain"),
    post(
      (async function* () {
        yield encoded;
      })() as unknown as NonNullable<RequestInit["body"]>,
      { duplex: "half" },
    ),
  ],
  Request: () => [new Request(url("plain"), post())],
  "Request and options": () => [new Request(url("plain"), post()), { headers: { "x-own": "1" } }],
  "Request and empty options": () => [new Request(url("plain"), { ...post(), referrer: url("from") }), {}],
  "Request as options": () => [url("plain"), new Request("http://a/", post(QUESTION, { duplex: "half" }))],
  "options of a class": () => [
    url("plain"),
    new (class {
      get method() {
        return "POST";
      }
      get body() {
        return QUESTION;
      }
    })(),
  ],
  "lower case": () => [url("plain"), post(QUESTION, { method: "post" })],
};

for (const [name, input] of Object.entries(INPUTS)) {
  test(`the server receives the same, and the call is recorded once: ${name}`, async () => {
    const without = await bare(...input()).then((response) => response.text());
    tap();
    assert.equal(await fetch(...input()).then((response) => response.text()), without);
    const [first, second] = received;
    assert.deepEqual(second, first);
    assert.equal(second?.body, QUESTION);
    assert.deepEqual((await theCall()).usage, CHAT_USAGE);
  });
}

test("a form tells its fields", async () => {
  const form = () => {
    const form = new FormData();
    form.set("model", "whisper-1");
    form.set("file", new Blob(["x".repeat(100_000)]), "a.mp3");
    return form;
  };
  tap();
  await (await fetch(url("nothing", "/v1/audio/transcriptions"), { method: "POST", body: form() })).text();
  assert.equal((await theCall()).model_requested, "whisper-1");
});

test("a redirect is no answer, what follows it is", async () => {
  tap();
  const moved = await fetch(url("moved"), post());
  assert.deepEqual([await moved.json(), moved.redirected], [CHAT, true]);
  assert.deepEqual((await theCall()).model_requested, "gpt-4o");
  // What a 302 makes of it is no call: a GET.
  await (await fetch(url("other"), post())).text();
  assert.deepEqual(
    received.map(({ method }) => method),
    ["POST", "POST", "POST", "GET"],
  );
  const manual = await fetch(url("moved"), post(QUESTION, { redirect: "manual" }));
  assert.equal(manual.status, 307);
  await assert.rejects(fetch(url("moved"), post(QUESTION, { redirect: "error" })));
  assert.deepEqual(await statuses(), []);
});

test("what was never sent is not recorded", async () => {
  tap();
  for (const [input, init] of [
    [`http://127.0.0.1:1${PATH}`, post()],
    [`http://no.such.host.invalid${PATH}`, post()],
    [url("plain"), post(QUESTION, { signal: AbortSignal.abort() })],
    [url("plain"), post(QUESTION, { method: "GET" })],
    [url("plain"), post(QUESTION, { headers: { "ö\n": "x" } })],
    [url("plain"), post(QUESTION, { mode: "nonsense" })],
    ["http://", post()],
  ] as Parameters<typeof fetch>[]) {
    const [without, tapped] = await Promise.all([bare(input, init), fetch(input, init)].map((one) => one.catch(shown)));
    assert.deepEqual(tapped, without);
  }
  assert.deepEqual(await statuses(), []);
});

function shown(error: Error): unknown {
  return [error.name, error.message, String(error.cause)];
}

test("wrong arguments fail as they do without us", async () => {
  const wrong = [
    [],
    [null],
    [Symbol("x")],
    [url("plain"), 7],
    [url("plain"), "x"],
    [{}, {}],
    [url("plain"), { body: 1n }],
  ];
  const outcome = (one: typeof fetch, args: unknown[]) => {
    try {
      return Reflect.apply(one, undefined, args).then(() => "answered", shown);
    } catch (error) {
      return ["thrown", shown(error as Error)];
    }
  };
  for (const args of wrong) {
    const without = await outcome(bare, args);
    assert.deepEqual(await outcome(handed, args), without);
    tap();
    assert.deepEqual(await outcome(fetch, args), without);
    untap();
  }
  await recordedCalls();
});

test("hostile options fail as they do without us", async () => {
  const hostile = () => {
    return {
      method: "POST",
      get body(): string {
        throw new Error("no");
      },
    };
  };
  const without = await bare(url("plain"), hostile()).catch(shown);
  tap();
  assert.deepEqual(await fetch(url("plain"), hostile()).catch(shown), without);
  assert.deepEqual(await statuses(), []);
  swallowed += 1;
});

test("two branches of a body are one call", async () => {
  tap();
  const response = await fetch(url("plain"), post(STREAM));
  const clone = response.clone();
  assert.equal(await response.text(), await clone.text());
  assert.deepEqual((await theCall()).usage, CHAT_USAGE);
});

test("each request has its own call in its own scope", async () => {
  tap();
  const send = (feature: string) =>
    track({ feature }, async (scope) => {
      await (await fetch(url("plain"), post())).text();
      return scope.calls;
    });
  const features = Array.from({ length: 20 }, (_, index) => `f${index}`);
  assert.deepEqual(
    await Promise.all(features.map(send)),
    features.map(() => 1),
  );
  assert.deepEqual((await recordedCalls()).map((call) => call.feature).sort(), features.sort());
});

test("an error shows the same way into the program", async () => {
  const stack = async (one: typeof fetch) => {
    const error: Error = await one(url("drop"), post()).catch((error) => error);
    return (error.stack ?? "").replace(/:\d+:\d+/g, "");
  };
  const without = await stack(bare);
  assert.equal(await stack(handed), without);
  await recordedCalls();
});

test("an error that nobody catches is reported as without us", async () => {
  const program = `require(${JSON.stringify(require.resolve("../dist/transports/fetch"))}).tap();
    process.on("unhandledRejection", (error) => console.log(error.message));
    fetch(${JSON.stringify(url("drop"))}, ${JSON.stringify(post())});`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program]);
  assert.equal(stdout, "fetch failed\n");
});
