/**
 * Arguments that make no sense, where no error may be thrown: the program sees what it sees without llmlab, the fault is
 * counted, and said once. Sabotage that turns these red: an option that is read outside of a `try`.
 */

import "./home";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { types } from "node:util";
import * as llmlab from "llmlab";
import { begin, call, calls } from "./taken";
import { warnings } from "./warnings";

const USAGE = { model: "gpt-4", usage: { prompt_tokens: 1000, completion_tokens: 500 } };

const circle: Record<string, unknown> = { ...USAGE };
circle.self = circle;
const trap = new Proxy(
  {},
  {
    get() {
      throw new Error("no property");
    },
    ownKeys() {
      throw new Error("no keys");
    },
    has() {
      throw new Error("no membership");
    },
    getPrototypeOf() {
      throw new Error("no prototype");
    },
  },
);
const throwing = {
  get usage() {
    throw new Error("no usage");
  },
  get feature() {
    throw new Error("no feature");
  },
  toJSON() {
    throw new Error("no JSON");
  },
  toString() {
    throw new Error("no text");
  },
};

/** Values that no function expects. */
const STRANGE: readonly unknown[] = [
  undefined,
  null,
  0,
  -1,
  Number.NaN,
  10n,
  "text",
  true,
  Symbol("s"),
  [],
  {},
  circle,
  trap,
  throwing,
  Object.create(null),
  () => 1,
  new Map([["a", 1]]),
  new Date(Number.NaN),
  Promise.resolve(1),
  new WeakMap(),
  Buffer.from("x"),
  "\ud800",
];

const hostile = llmlab as unknown as Record<string, (...args: unknown[]) => unknown>;

beforeEach(() => begin());

test("options that make no sense never change what a wrapped function does", async () => {
  for (const options of STRANGE) {
    for (const name of ["trackCost", "trace"]) {
      const wrapped = hostile[name]?.((a: number) => a + 1, options) as (a: number) => number;
      assert.equal(wrapped(1), 2);
      for (const label of ["feature", "user", "session", "tags", "provider", "model", "name", "kind"]) {
        const labelled = hostile[name]?.(async (a: number) => a + 1, { [label]: options }) as (a: number) => unknown;
        assert.equal(await labelled(1), 2);
      }
    }
    assert.equal(
      hostile.track?.(options, () => 3),
      3,
    );
    for (const label of ["feature", "user", "session", "tags", "record"]) {
      assert.equal(
        hostile.track?.({ [label]: options }, () => 3),
        3,
      );
    }
  }
});

test("a label that is misspelt is counted, and what has it works", () => {
  const { faults } = llmlab.stats();
  assert.equal(llmlab.trackCost((a: number) => a + 1, { featur: "f" } as object)(1), 2);
  llmlab.track({ usr: "ann" } as object, () => {});
  assert.equal(llmlab.stats().faults - faults, 2);
});

test("a function that is given behind its options is wrapped all the same, and that is counted", () => {
  for (const name of ["trackCost", "trace"]) {
    const { faults } = llmlab.stats();
    const wrapped = hostile[name]?.({ tags: {} }, (a: number) => a + 1) as (a: number) => number;
    assert.equal(wrapped(1), 2);
    assert.equal(llmlab.stats().faults - faults, 1);
  }
});

test("tags that make no sense leave the others as they are", async () => {
  const tags = { good: 1, circle, trap, throwing, none: null, big: 10n, [Symbol("s")]: 1, of: Symbol("t") };
  llmlab.track({ feature: "f", tags: tags as never }, () => llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 }));
  const event = await call();
  assert.deepEqual([event.feature, event.tags], ["f", { good: "1", big: "10", of: "Symbol(t)" }]);
});

test("a call with wrong arguments is recorded without them", async () => {
  const { faults } = llmlab.stats();
  const said = warnings();
  hostile.trackCall?.(7, "gpt-4", {
    inputTokens: -1,
    outputTokens: 5,
    costUsd: "much",
    latencyMs: -1,
    operation: "sing",
  });
  const event = await call();
  assert.deepEqual([event.provider, event.model, event.usage, event.operation], [null, "gpt-4", {}, "chat"]);
  assert.equal(llmlab.stats().faults - faults, 5);
  hostile.trackCall?.(8, "gpt-4", {});
  assert.equal((await said()).filter((warning) => warning.startsWith("trackCall")).length, 1);
  for (const value of STRANGE) {
    hostile.trackCall?.(value, value, value);
    hostile.trackCall?.("openai", "gpt-4", { usage: value, costUsd: value, latencyMs: value, serviceTier: value });
    hostile.trackCall?.("openai", "gpt-4", { inputTokens: value, feature: value, tags: value, operation: value });
  }
  assert.equal((await calls()).length, 1 + 3 * STRANGE.length);
});

test("what is no response is not recorded, whatever it is", async () => {
  for (const value of STRANGE) {
    assert.equal(llmlab.recordResponse(value), false);
    assert.equal(llmlab.recordResponse([value, value]), false);
    assert.equal(hostile.recordResponse?.(value, value), false);
    assert.equal(hostile.recordResponse?.({}, { provider: value, model: value, api: value }), false);
    const passed = llmlab.trackCost(() => value)();
    // A promise is followed by another one.
    assert.equal(types.isPromise(value) ? await passed : passed, types.isPromise(value) ? await value : value);
  }
  assert.deepEqual(await calls(), []);
});

test("a response is read whatever else is in it, and none of its methods is called", async () => {
  const response = {
    ...USAGE,
    id: null,
    big: 10n ** 30n,
    when: new Date(Number.NaN),
    text: "x".repeat(100_000),
    data: new Uint8Array(1_000_000),
    toJSON: assert.fail,
    __proto__: { inherited: true },
  };
  assert.equal(llmlab.recordResponse(response, { provider: "openai" }), true);
  assert.equal(llmlab.recordResponse(JSON.stringify(USAGE), { provider: "openai" }), true);
  assert.equal(llmlab.recordResponse(Buffer.from(JSON.stringify(USAGE)), { provider: "openai" }), true);
  assert.equal(llmlab.recordResponse([USAGE, USAGE], { provider: "openai" }), true);
  assert.deepEqual(
    (await calls()).map((event) => event.cost_usd),
    Array(5).fill("0.06"),
  );
});

test("a large result of the program is not looked through", () => {
  let looks = 0;
  const row = () =>
    Object.defineProperty({}, "cell", {
      enumerable: true,
      get: () => {
        looks += 1;
      },
    });
  llmlab.trackCost(() => ({ rows: Array.from({ length: 1_000_000 }, row) }))();
  assert.ok(looks < 20_000, String(looks));
});

test("flush and shutdown are never rejected, and what they are given does not matter", async () => {
  for (const value of STRANGE) {
    for (const options of [value, { timeout: value }]) {
      const report = await llmlab.flush(options as llmlab.FlushOptions);
      assert.equal(typeof report.pending, "number");
    }
  }
});

test("a question with arguments that make no sense is refused with an error that names them", async () => {
  const refused = (ask: () => unknown) => assert.throws(ask, (error) => error instanceof llmlab.LlmlabError);
  for (const value of STRANGE.filter((value) => value != null && typeof value !== "string")) {
    refused(() => hostile.cost?.(value, "gpt-4"));
    refused(() => hostile.cost?.("openai", "gpt-4", { at: value }));
    refused(() => hostile.models?.(value));
    refused(() => hostile.setPrice?.("openai", value, { input: 1 }));
    refused(() => hostile.setModel?.("azure", "x", value));
    refused(() => hostile.registerProvider?.(value, { wire: "openai" }));
    await assert.rejects(
      hostile.summary?.({ since: value }) as Promise<unknown>,
      (error) => error instanceof llmlab.LlmlabError && error.code === "invalid_time",
    );
  }
  assert.throws(() => llmlab.cost("openai", "gpt-4", { usage: { inputs: 1 } }), /unknown usage dimension 'inputs'/);
  assert.throws(
    () => llmlab.cost("openai", "gpt-4", { usage: { input: 1 }, inputTokens: 2 }),
    /inputTokens is 2 but usage says input 1; give one of them/,
  );
});

test("options that no client can have are refused by init, naming the option", () => {
  for (const value of STRANGE) {
    for (const name of ["apiKey", "project", "tags", "sinks", "backend", "hosts", "models", "prices", "spoolMaxDays"]) {
      try {
        hostile.init?.({ [name]: value });
      } catch (error) {
        assert.ok(error instanceof llmlab.LlmlabError, String(name));
        assert.match(error.message, new RegExp(name.replace(/[A-Z]/g, "[A-Z_]?.?"), "i"));
      }
    }
  }
  llmlab.uninstrument();
  assert.throws(() => hostile.init?.("key"), /options must be an object such as \{ project: "shop" \}, got 'key'/);
  assert.throws(() => hostile.init?.({ apiKey: 5 }), /^ConfigError: apiKey must be a string$/);
});

test("a function of the program that fails in every way is what it is without llmlab", async () => {
  const failing = [
    () => {
      throw 10n;
    },
    () => Promise.reject(undefined),
    async () => Promise.reject(Symbol.for("reason")),
    () => trap,
    () => circle,
    async () => trap,
  ];
  for (const fn of failing) {
    assert.deepEqual(await outcome(llmlab.trackCost(fn)), await outcome(fn));
    assert.deepEqual(await outcome(llmlab.trace(fn)), await outcome(fn));
    assert.deepEqual(await outcome(() => llmlab.track({}, fn as () => unknown)), await outcome(fn));
  }
});

async function outcome(fn: () => unknown): Promise<unknown[]> {
  try {
    const result = fn();
    if (!(result instanceof Promise)) {
      return ["returned", result === trap ? "trap" : result === circle ? "circle" : "else"];
    }
    return await result.then(
      (value) => ["resolved", value === trap],
      (reason) => ["rejected", reason],
    );
  } catch (error) {
    return ["threw", error];
  }
}

test("with LLMLAB_DISABLED nothing happens", async () => {
  process.env.LLMLAB_DISABLED = "1";
  try {
    llmlab.init({ project: "off" });
    const fn = () => USAGE;
    assert.equal(llmlab.trackCost(fn), fn);
    assert.equal(llmlab.trace({ name: "x" })(fn), fn);
    llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });
    assert.equal(
      llmlab.track({ feature: "f" }, (t) => t.calls),
      0,
    );
    assert.equal(llmlab.recordResponse(USAGE), false);
    assert.equal(llmlab.stats().recorded, 0);
    await turn();
  } finally {
    delete process.env.LLMLAB_DISABLED;
  }
});

test("what track is given in place of a function is given back", async () => {
  const { faults } = llmlab.stats();
  for (const given of [Promise.resolve(1), undefined, "text", USAGE]) {
    assert.equal(hostile.track?.({ feature: "f" }, given), given);
  }
  assert.equal(llmlab.stats().faults, faults + 4);
});

test("what the core says names the functions as they are named here", async () => {
  const said = warnings();
  llmlab.trackCall("nobody", "a_model_of_track_cost", { inputTokens: 1 });
  await turn();
  const [warning = ""] = await said();
  assert.match(warning, /^nobody\/a_model_of_track_cost has no price.* with setModel, or its price with setPrice$/);
  assert.throws(() => llmlab.setModel("nobody", "own", "nothing"), /give it a price with setPrice/);
});
