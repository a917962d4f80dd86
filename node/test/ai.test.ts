/** Vercel's AI SDK, as its users have it: the real package, providers of it over a server, and its own mocks. */

import "./home";
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createOpenAI } from "@ai-sdk/openai";
import {
  createGateway,
  embed,
  embedMany,
  generateObject,
  generateText,
  simulateReadableStream,
  stepCountIs,
  streamText,
  tool,
} from "ai";
import { MockEmbeddingModelV3, MockLanguageModelV3 } from "ai/test";
import { instrument, LLMLab, track, uninstrument } from "llmlab";
import { trackModel } from "llmlab/ai";
import { z } from "zod";
import { type CallEvent, calls } from "./events";
import { Provider } from "./provider";

const provider = new Provider();
let known = 0;

before(async () => {
  await provider.start();
  instrument();
});
beforeEach(() => {
  known = calls().length;
  provider.isHolding = false;
});
after(() => {
  uninstrument();
  provider.stop();
});

function news(): CallEvent[] {
  return calls().slice(known);
}

function one(): CallEvent {
  const [call, ...more] = news();
  assert.ok(call !== undefined && more.length === 0, `${news().length} calls`);
  return call;
}

function gpt4(labels = { feature: "support", user: "ann" }) {
  return trackModel(createOpenAI({ apiKey: "x", baseURL: provider.url }).chat("gpt-4"), labels);
}

const USAGE = {
  inputTokens: { total: 1000, noCache: 600, cacheRead: 400, cacheWrite: undefined },
  outputTokens: { total: 500, text: 400, reasoning: 100 },
};
const FINISHED = { finishReason: { unified: "stop" as const, raw: "stop" }, usage: USAGE };

function mock() {
  return new MockLanguageModelV3({
    provider: "openai.chat",
    modelId: "gpt-4",
    doGenerate: { content: [{ type: "text", text: "hi" }], warnings: [], ...FINISHED },
    doStream: async () => ({
      stream: simulateReadableStream({
        chunks: [
          { type: "stream-start", warnings: [] },
          { type: "response-metadata", modelId: "gpt-4-0613" },
          { type: "text-start", id: "1" },
          { type: "text-delta", id: "1", delta: "hi" },
          { type: "text-end", id: "1" },
          { type: "finish", ...FINISHED },
        ],
      }),
    }),
  });
}

test("a call has the labels of its model, and is counted once", async () => {
  const { text } = await generateText({ model: gpt4(), prompt: "hello" });
  assert.equal(text, "hi there");
  const { feature, user, model, cost_usd } = one();
  assert.deepEqual(
    { feature, user, model, cost_usd },
    { feature: "support", user: "ann", model: "gpt-4", cost_usd: 0.06 },
  );
});

test("a label that the model does not have is that of the surrounding scope", async () => {
  await track({ feature: "outer", session: "s-1" }, () => generateText({ model: gpt4(), prompt: "hello" }));
  assert.deepEqual([one().feature, one().session], ["support", "s-1"]);
});

test("a stream is one call, and what comes out of it is what came out before", async () => {
  const { textStream } = streamText({ model: gpt4(), prompt: "hello" });
  const pieces: string[] = [];
  for await (const piece of textStream) {
    pieces.push(piece);
  }
  assert.deepEqual(pieces, ["hi ", "there "]);
  assert.deepEqual([one().feature, one().stream, one().cost_usd], ["support", true, 0.06]);
});

test("a stream that two read is one call", async () => {
  const answer = streamText({ model: gpt4(), prompt: "hello" });
  const [response, text] = await Promise.all([answer.toUIMessageStreamResponse().text(), answer.text]);
  assert.match(response, /text-delta/);
  assert.equal(text, "hi there ");
  assert.equal(one().cost_usd, 0.06);
});

test("a stream that the program gives up is one call that was aborted", async () => {
  provider.isHolding = true;
  const giveUp = new AbortController();
  const { fullStream } = streamText({ model: gpt4(), prompt: "hello", abortSignal: giveUp.signal });
  const parts: string[] = [];
  for await (const { type } of fullStream) {
    parts.push(type);
    if (type === "text-delta") {
      giveUp.abort();
    }
  }
  assert.equal(parts.at(-1), "abort");
  for (const deadline = Date.now() + 5_000; news().length === 0 && Date.now() < deadline; ) {
    await turn();
  }
  assert.match(one().status, /aborted|cancelled/);
  assert.equal(one().feature, "support");
});

test("an agent's steps and its tools are calls of one scope", async () => {
  const call = {
    index: 0,
    id: "call_1",
    type: "function",
    function: { name: "weather", arguments: '{"city":"Graz"}' },
  };
  provider.next.push({ content: null, tool_calls: [call] });
  const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: ({ city }) => `rain in ${city}` });
  const spent = await track({ feature: "agent" }, async (scope) => {
    await generateText({ model: gpt4(), prompt: "hello", tools: { weather }, stopWhen: stepCountIs(3) });
    return scope;
  });
  assert.deepEqual([spent.calls, spent.cost, spent.begun], [2, "0.12", 2]);
  assert.equal(news().length, 2);
});

test("objects and embeddings are calls like others", async () => {
  provider.next.push({ content: '{"city":"Graz"}' });
  const { object } = await generateObject({ model: gpt4(), prompt: "where?", schema: z.object({ city: z.string() }) });
  assert.deepEqual(object, { city: "Graz" });
  const openai = createOpenAI({ apiKey: "x", baseURL: provider.url });
  const model = trackModel(openai.embedding("text-embedding-3-small"), { feature: "search" });
  const { embeddings } = await embedMany({ model, values: ["a", "b"] });
  assert.equal(embeddings.length, 2);
  assert.deepEqual(
    news().map(({ feature, operation }) => [feature, operation]),
    [
      ["support", "chat"],
      ["search", "embeddings"],
    ],
  );
});

test("where no tap saw the call, the counts of the answer are recorded", async () => {
  await generateText({ model: trackModel(mock(), { feature: "mocked" }), prompt: "hello" });
  const { provider: id, model, feature, usage, cost_usd } = one();
  assert.deepEqual([id, model, feature, cost_usd], ["openai", "gpt-4", "mocked", 0.06]);
  assert.deepEqual(usage, { input: 1000, output: 500, cache_read: 400, reasoning: 100 });
});

test("where no tap saw the stream, the counts at its end are recorded", async () => {
  const { textStream } = streamText({ model: trackModel(mock(), { feature: "mocked" }), prompt: "hello" });
  for await (const piece of textStream) {
    assert.equal(piece, "hi");
  }
  assert.deepEqual([one().model, one().feature, one().cost_usd], ["gpt-4-0613", "mocked", 0.06]);
});

test("a model that is tracked twice is counted once, with the inner labels", async () => {
  const twice = trackModel(trackModel(mock(), { feature: "inner" }), { feature: "outer" });
  await generateText({ model: twice, prompt: "hello" });
  assert.equal(one().feature, "inner");
  known += 1;
  await streamText({ model: twice, prompt: "hello" }).consumeStream();
  assert.equal(one().feature, "inner");
});

test("an embedding that no tap saw is recorded", async () => {
  const doEmbed = async () => ({ embeddings: [[1]], usage: { tokens: 1000 }, warnings: [] });
  const model = new MockEmbeddingModelV3({ provider: "openai.embedding", modelId: "text-embedding-3-small", doEmbed });
  await embed({ model: trackModel(model), value: "hello" });
  assert.deepEqual([one().operation, one().usage], ["embeddings", { input: 1000 }]);
});

test("an answer without counts, and one with counts that are none, leave nothing", async () => {
  for (const usage of [undefined, {}, { inputTokens: Number.NaN, outputTokens: undefined }, "many"]) {
    const doGenerate = async () => ({ usage, content: [] });
    assert.deepEqual(await trackModel({ provider: "mine", modelId: "m", doGenerate }).doGenerate(), {
      usage,
      content: [],
    });
  }
  assert.equal(news().length, 0);
});

test("the counts of the AI SDK before version 6 are read, too", async () => {
  const usage = { inputTokens: 1000, outputTokens: 500, cachedInputTokens: 400, reasoningTokens: 100 };
  const model = { provider: "openai.responses", modelId: "gpt-4", doGenerate: async () => ({ usage }) };
  await trackModel(model).doGenerate();
  assert.deepEqual(one().usage, { input: 1000, output: 500, cache_read: 400, reasoning: 100 });
});

test("a gateway whose format no tap knows is recorded by its counts", async () => {
  const answer = { content: [{ type: "text", text: "hi" }], warnings: [], ...FINISHED };
  const gateway = createGateway({ apiKey: "x", fetch: async () => Response.json(answer) });
  const { text } = await generateText({ model: trackModel(gateway("openai/gpt-4")), prompt: "hello" });
  assert.equal(text, "hi");
  assert.deepEqual([one().provider, one().model, one().usage.input], ["vercel", "openai/gpt-4", 1000]);
});

test("what the model throws passes unchanged", async () => {
  const error = new Error("mine");
  const failing = { provider: "mine", modelId: "m", doGenerate: () => Promise.reject(error) };
  await assert.rejects(trackModel(failing).doGenerate(), (thrown) => thrown === error);
  const throwing = {
    ...failing,
    doGenerate: (): Promise<unknown> => {
      throw error;
    },
  };
  await assert.rejects(
    async () => trackModel(throwing).doGenerate(),
    (thrown) => thrown === error,
  );
});

test("a model is what it was: its class, its members, private ones and frozen ones", () => {
  class Model {
    readonly provider = "mine";
    readonly modelId = "m";
    settings = 1;
    #secret = "kept";
    get secret() {
      return this.#secret;
    }
    tell() {
      return this.#secret;
    }
  }
  const tracked = trackModel(new Model(), { feature: "x" });
  assert.ok(tracked instanceof Model && "secret" in tracked);
  assert.deepEqual([tracked.secret, tracked.tell(), tracked.modelId], ["kept", "kept", "m"]);
  tracked.settings = 2;
  assert.equal(tracked.settings, 2);
  const frozen = trackModel(Object.freeze({ provider: "mine", modelId: "m", doGenerate: () => 1 }));
  assert.equal(typeof frozen.doGenerate, "function");
});

test("what is no model, and options that are none, are left alone", () => {
  for (const model of ["openai/gpt-4", undefined, null, 7]) {
    assert.equal(trackModel(model as never), model);
  }
  assert.equal(trackModel(mock(), null as never).modelId, "gpt-4");
});

test("calls belong to the client that is given", async () => {
  const lab = new LLMLab({ project: "other" });
  await generateText({ model: trackModel(mock(), { lab }), prompt: "hello" });
  await lab.flush();
  assert.equal(one().project, "other");
  await lab.shutdown();
});
