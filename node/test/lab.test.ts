/** Clients: the global one through `init` and in workers, and others beside it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { Worker } from "node:worker_threads";
import * as llmlab from "llmlab";
import { begin as beginExchange } from "../dist/exchange";
import { home } from "./home";
import { begin, calls } from "./taken";
import { warnings } from "./warnings";

const TOKENS = { inputTokens: 1000, outputTokens: 500 };

beforeEach(() => begin());

test("what was set before init survives it", async () => {
  llmlab.setPrice("acme", "large", { input: "1", output: 2.5, cacheRead: 1e-7, batch: { input: "0.5" } });
  llmlab.setPrice("acme", "large", { input: 1, output: 2 });
  llmlab.setModel("azure", "mine", "gpt-4");
  await begin({ project: "other" });
  assert.equal(llmlab.cost("acme", "large", TOKENS).total, "0.002");
  assert.equal(llmlab.cost("azure", "mine", TOKENS).total, "0.06");
});

test("a price begins to hold when it is said", () => {
  llmlab.setPrice("acme", "small", { input: "1" });
  llmlab.setPrice("acme", "small", { input: "2", starts: new Date("2027-01-01T00:00:00Z") });
  const at = (at: string) => llmlab.cost("acme", "small", { inputTokens: 1_000_000, at }).total;
  assert.deepEqual([at("2026-12-31T23:59:59Z"), at("2027-01-01T00:00:00Z")], ["1", "2"]);
});

test("what was recorded before another init is delivered", async () => {
  llmlab.trackCall("openai", "gpt-4", { ...TOKENS, feature: "before" });
  llmlab.init({ project: "next", sinks: ["ledger"] });
  llmlab.uninstrument();
  await llmlab.flush({ timeout: 20 });
  const { groups } = await llmlab.summary({ groupBy: ["feature", "costState"], since: new Date(0) });
  const group = groups.find((group) => group.key.feature === "before");
  assert.deepEqual(group?.key, { feature: "before", costState: "priced" });
  assert.deepEqual([group?.totals.costUsd, group?.totals.costUsdNumber], ["0.06", 0.06]);
  assert.deepEqual(group?.totals.usage, { input: 1000, output: 500 });
});

test("a client beside the global one has what begins in its scopes", async () => {
  const shop = new llmlab.LLMLab({ project: "shop", sinks: ["ledger"] });
  const url = "https://api.openai.com/v1/chat/completions";
  shop.track({ feature: "own" }, () => beginExchange("POST", url, '{"model":"gpt-4"}', () => "")?.lost("Error"));
  assert.equal(shop.stats().recorded, 1);
  assert.equal(llmlab.stats().recorded, 0);
  const report = await shop.shutdown({ timeout: 20 });
  assert.deepEqual([report.pending, report.lastError], [0, null]);
  const { totals } = await shop.summary({ project: "shop" });
  assert.deepEqual([totals.calls + totals.failedAttempts, totals.costUsd], [1, null]);
});

test("workers share the global client, whichever it is by then", async () => {
  const program = `
    const { parentPort } = require("node:worker_threads");
    const llmlab = require(${JSON.stringify(require.resolve("llmlab"))});
    parentPort.once("message", () => {
      llmlab.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500, feature: "worker" });
      llmlab.setPrice("acme", "from-a-worker", { input: 1 });
      parentPort.postMessage("recorded");
    });
    llmlab.stats();
    parentPort.postMessage("ready");
  `;
  const worker = new Worker(program, { eval: true });
  await once(worker, "message");
  await begin({ project: "later" });
  worker.postMessage("go");
  await once(worker, "message");
  await once(worker, "exit");
  const [event] = await calls();
  assert.deepEqual([event?.project, event?.feature], ["later", "worker"]);
  await begin();
  assert.equal(llmlab.cost("acme", "from-a-worker", { inputTokens: 1_000_000 }).total, "1");
});

test("what cannot be used of the new configuration is said", async () => {
  const prices = join(home, "prices.jsonl");
  const price = { provider: "acme", id: "listed", periods: [{ rates: { standard: { input: "1", output: "2" } } }] };
  writeFileSync(prices, `${JSON.stringify(price)}\n`);
  await begin({ prices });
  llmlab.setModel("azure", "lost", "acme/listed");
  const said = warnings();
  await begin();
  assert.match((await said()).join("\n"), /^init: what was set before init cannot be used any more: .*"acme\/listed"/m);
  assert.equal(llmlab.cost("azure", "lost", TOKENS).state, "unpriced");
});

test("the promise of a summary is rejected with the code of the error", async () => {
  for (const [options, code] of [
    [{ since: "yesterday" }, "invalid_time"],
    [{ groupBy: "colour" }, "invalid_config"],
  ] as const) {
    await assert.rejects(
      llmlab.summary(options),
      (error) => error instanceof llmlab.LlmlabError && error.code === code && error.message !== "",
    );
  }
});
