/**
 * Functions of the program that take events: again if they fail, never in the way.
 *
 * Sabotages that turn these red: a batch that is settled before its function's promise is resolved; a thread-safe function
 * that keeps the process alive.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import * as llmlab from "llmlab";
import { current } from "../dist/scope";
import { home } from "./home";

const DEADLINE_MS = 60_000;

function record(feature: string): void {
  llmlab.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500, latencyMs: 1.5, feature });
}

test("a function is given every event with exact amounts, outside of every scope", async () => {
  const taken: llmlab.Event[] = [];
  const lab = llmlab.track({ feature: "around" }, () => {
    const take = (events: llmlab.Event[]) => {
      assert.equal(current.getStore(), undefined);
      taken.push(...events);
    };
    return new llmlab.LLMLab({ project: "all", sinks: ["ledger", ["mine", take]] });
  });
  for (let i = 0; i < 250; i += 1) {
    lab.trackCall("openai", "gpt-4", {
      inputTokens: 1000,
      outputTokens: 500,
      latencyMs: 1.5,
      tags: { a: '"cost_usd":1' },
    });
  }
  const report = await lab.flush({ timeout: 20 });
  assert.equal(report.pending, 0);
  assert.equal(new Set(taken.map((event) => event.id)).size, 250);
  assert.equal(taken.length, 250);
  const [event] = taken;
  assert.deepEqual([event?.cost_usd, event?.latency_ms, event?.tags], ["0.06", 1.5, { a: '"cost_usd":1' }]);
});

for (const [how, fail] of [
  ["throws", () => assert.fail("not now")],
  ["rejects", () => Promise.reject(undefined)],
] as const) {
  test(`a function that ${how} is given the events again`, async () => {
    let tries = 0;
    const lab = new llmlab.LLMLab({
      project: how,
      sinks: [["mine", () => (++tries === 1 ? fail() : new Promise((resolve) => setImmediate(resolve)))]],
    });
    lab.trackCall("openai", "gpt-4", { inputTokens: 1 });
    const report = await lab.flush({ timeout: 30 });
    assert.deepEqual([report.pending, tries], [0, 2]);
  });
}

test("a function may record", async () => {
  const features: unknown[] = [];
  const take = (events: llmlab.Event[]) => {
    features.push(...events.map((event) => event.feature));
    if (events[0]?.feature === "first") {
      record("own");
    }
  };
  llmlab.init({ sinks: [take] });
  llmlab.uninstrument();
  record("first");
  await llmlab.flush({ timeout: 20 });
  await llmlab.flush({ timeout: 20 });
  assert.deepEqual(features, ["first", "own"]);
});

test("two functions of one name are told apart by the program", () => {
  assert.throws(
    () => llmlab.init({ sinks: [() => {}, () => {}] }),
    (error) => error instanceof llmlab.ConfigError && error.message.includes('["a name", function]'),
  );
});

function ran(program: string, name: string): string {
  const text = `const llmlab = require(${JSON.stringify(require.resolve("llmlab"))}); ${program}`;
  const env = { ...process.env, LLMLAB_HOME: join(home, name) };
  const ended = spawnSync(process.execPath, ["-e", text], { env, encoding: "utf8", timeout: DEADLINE_MS });
  assert.deepEqual([ended.status, ended.stderr], [0, ""]);
  return ended.stdout;
}

/** The sum of the numbers that a program has written. */
function sum(out: string): number {
  return out.split(" ").reduce((sum, count) => sum + Number(count), 0);
}

test("what is recorded last is taken at the exit", () => {
  const out = ran(
    `llmlab.init({ sinks: [["mine", (events) => process.stdout.write(events.length + " ")]] });
     for (let i = 0; i < 3; i++) llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });`,
    "last",
  );
  assert.equal(sum(out), 3);
});

test("what a function cannot take any more when the process exits goes to the next one", () => {
  const taking = `llmlab.init({ sinks: ["ledger", ["mine", (events) => process.stdout.write(events.length + " ")]] });`;
  const record = `llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });`;
  assert.equal(ran(`${taking} ${record} process.exit()`, "exits"), "");
  const flush = `llmlab.flush({ timeout: 20 })`;
  assert.equal(sum(ran(`${taking} ${record} ${flush}.then(() => ${flush})`, "exits")), 2);
});

test("a function that hangs does not keep the process alive, and the next process gives its events to it", () => {
  ran(
    `llmlab.init({ sinks: ["ledger", ["mine", () => new Promise(() => {})]] });
     llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });`,
    "hangs",
  );
  const out = ran(
    `llmlab.init({ sinks: ["ledger", ["mine", (events) => process.stdout.write(events.length + " ")]] });
     llmlab.trackCall("openai", "gpt-4", { inputTokens: 2 });
     llmlab.flush({ timeout: 20 }).then(() => llmlab.flush({ timeout: 20 }));`,
    "hangs",
  );
  assert.equal(sum(out), 2);
});
