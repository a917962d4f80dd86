/**
 * What stands on SDKs: every request that goes out is one call, and belongs to the scope around it.
 *
 * Sabotages that turn these red: counting what a framework returns beside what is on the wire; a scope that is read when
 * an answer is over, not when its request begins; a scope that is the server's and not the request's.
 */

import "./home";
import "./node20";
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { ChatAnthropic } from "@langchain/anthropic";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import express, { type NextFunction, type Request, type Response } from "express";
import { instrument, trace, track, trackCost, uninstrument } from "llmlab";
import OpenAI from "openai";
import { z } from "zod";
import { type CallEvent, calls, events } from "./events";
import { Provider } from "./provider";

const provider = new Provider();
let known = 0;

before(async () => {
  await provider.start();
  instrument();
});
beforeEach(() => {
  known = calls().length;
});
after(() => {
  uninstrument();
  provider.stop();
});

/** What was recorded, as many as there were requests. */
function news(requests: number): CallEvent[] {
  const found = calls().slice(known);
  assert.equal(found.length, requests, JSON.stringify(found));
  return found;
}

function langchain(maxRetries = 0): ChatOpenAI {
  return new ChatOpenAI({ model: "gpt-4", apiKey: "x", maxRetries, configuration: { baseURL: provider.url } });
}

test("a chain is one call of the scope around it", async () => {
  const spent = await track({ feature: "chain", user: 7 }, async (scope) => {
    assert.equal((await langchain().invoke("hello")).content, "hi there");
    return scope;
  });
  const [call] = news(1);
  assert.deepEqual([call?.feature, call?.user, call?.stream, spent.cost], ["chain", "7", false, "0.06"]);
});

test("a streamed chain is one call", async () => {
  const pieces: unknown[] = [];
  await track({ feature: "streamed" }, async () => {
    for await (const { content } of await langchain().stream("hello")) {
      pieces.push(content);
    }
  });
  assert.equal(pieces.join(""), "hi there ");
  const [call] = news(1);
  assert.deepEqual([call?.feature, call?.stream, call?.cost_usd], ["streamed", true, 0.06]);
});

test("a batch is a call for each question", async () => {
  const spent = await track({}, async (scope) => {
    await langchain().batch(["one", "two", "three"]);
    return scope;
  });
  assert.deepEqual([spent.calls, spent.cost], [3, "0.18"]);
  news(3);
});

test("calls made at once, each within a scope of its own, are not mixed up", async () => {
  const users = ["ann", "ben", "cat", "dan"];
  await Promise.all(users.map((user) => track({ user }, () => langchain().invoke(`I am ${user}`))));
  assert.deepEqual(
    news(4)
      .map(({ user }) => user)
      .sort(),
    users,
  );
});

test("the calls of an agent are below the step around it", async () => {
  const weather = tool(({ city }) => `rain in ${city}`, { name: "weather", schema: z.object({ city: z.string() }) });
  const call = {
    index: 0,
    id: "call_1",
    type: "function",
    function: { name: "weather", arguments: '{"city":"Graz"}' },
  };
  provider.next.push({ content: null, tool_calls: [call] });
  const agent = trace(
    async () => {
      const model = langchain().bindTools([weather]);
      const { tool_calls } = await model.invoke("what is the weather?");
      return model.invoke(await weather.invoke(tool_calls?.[0]?.args as { city: string }));
    },
    { name: "oracle", kind: "agent" },
  );
  assert.equal((await agent()).content, "hi there");
  const [step] = events().filter(({ kind }) => kind === "step");
  assert.deepEqual(
    news(2).map(({ parent_id }) => parent_id),
    [step?.span_id, step?.span_id],
  );
});

test("a wrapped function that returns what a framework made counts nothing itself", async () => {
  const message = trackCost(() => langchain().invoke("hello"), { feature: "wrapped" });
  await message();
  const raw = trackCost(async () => (await langchain().invoke("hello")).toDict(), { feature: "wrapped" });
  await raw();
  assert.deepEqual(
    news(2).map(({ feature, cost_usd }) => [feature, cost_usd]),
    [
      ["wrapped", 0.06],
      ["wrapped", 0.06],
    ],
  );
});

test("embeddings below a framework are a call", async () => {
  const configuration = { baseURL: provider.url };
  const embeddings = new OpenAIEmbeddings({ model: "text-embedding-3-small", apiKey: "x", configuration });
  await embeddings.embedQuery("hello");
  assert.equal(news(1)[0]?.operation, "embeddings");
});

test("a framework's error is its own, and a refusal is a failed attempt", async () => {
  const model = new ChatAnthropic({
    model: "claude-sonnet-4-6",
    apiKey: "x",
    maxRetries: 0,
    anthropicApiUrl: provider.origin,
  });
  provider.refusals = 1;
  await assert.rejects(model.invoke("hello"), /429/);
  const [call] = news(1);
  assert.deepEqual([call?.status, call?.cost_usd, call?.calls, call?.failed_attempts], ["error", 0, 0, 1]);
});

test("a retry below a framework is an attempt of its own", async () => {
  provider.refusals = 1;
  const openai = new OpenAI({ apiKey: "x", baseURL: provider.url, maxRetries: 1 });
  await openai.chat.completions.create({ model: "gpt-4", messages: [{ role: "user", content: "hello" }] });
  assert.deepEqual(
    news(2).map(({ attempt, status }) => [attempt, status]),
    [
      [1, "error"],
      [2, "ok"],
    ],
  );
});

test("each request of a web application has its own user, also after timers, streams and other requests", async () => {
  const app = express();
  app.use((request: Request, _response: Response, next: NextFunction) => {
    track({ user: request.query.user as string }, () => next());
  });
  app.get("/ask", async (_request: Request, response: Response) => {
    await new Promise(setImmediate);
    for await (const { content } of await langchain().stream("hello")) {
      response.write(content);
    }
    response.end();
  });
  const server = app.listen(0);
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ask`;
  const users = Array.from({ length: 8 }, (_, index) => `u-${index}`);
  const answers = await Promise.all(users.map(async (user) => (await fetch(`${url}?user=${user}`)).text()));
  server.close();
  assert.deepEqual(new Set(answers), new Set(["hi there "]));
  assert.deepEqual(
    news(8)
      .map(({ user }) => user)
      .sort(),
    users,
  );
});
