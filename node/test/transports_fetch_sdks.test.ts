/** The real SDKs, through the global fetch and the one that is handed over. */

import "./home";
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { fetch as handed, tap, untap } from "../dist/transports/fetch";
import { type RecordedCall, recordedCalls } from "./recorder";
import { CHAT, CHAT_USAGE, MESSAGE, start, stop } from "./stand-in";

const ASK = { model: "gpt-4o", messages: [{ role: "user" as const, content: "hi" }] };
const TELL = { ...ASK, model: "claude-sonnet-4-6", max_tokens: 10 };

let port = 0;
before(async () => {
  port = await start();
});
after(stop);
afterEach(() => {
  untap();
  assert.deepEqual([faults(), native().faults()], [0, 0]);
});

function url(what: string): string {
  return `http://127.0.0.1:${port}/${what}`;
}

async function one(): Promise<RecordedCall> {
  const calls = await recordedCalls();
  assert.equal(calls.length, 1);
  return calls[0] as RecordedCall;
}

for (const way of ["tapped", "handed over"]) {
  const options = () => {
    if (way === "handed over") {
      return { apiKey: "x", fetch: handed };
    }
    tap();
    return { apiKey: "x" };
  };
  const openai = (what: string) => new OpenAI({ ...options(), baseURL: `${url(what)}/v1` });
  const anthropic = (what: string) => new Anthropic({ ...options(), baseURL: url(what) });

  test(`OpenAI, ${way}`, async () => {
    const answer = await openai("plain").chat.completions.create(ASK);
    assert.deepEqual(answer.usage, CHAT.usage);
    assert.deepEqual((await one()).usage, CHAT_USAGE);
  });

  test(`a stream of OpenAI, ${way}`, async () => {
    const asked = { ...ASK, stream: true as const, stream_options: { include_usage: true } };
    let text = "";
    for await (const chunk of await openai("gzip").chat.completions.create(asked)) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
    assert.equal(text, "forty-two");
    const call = await one();
    assert.deepEqual([call.usage, call.stream, call.provider], [CHAT_USAGE, true, "openai"]);
  });

  test(`a stream of OpenAI in two branches, and one that is left early, ${way}`, async () => {
    const asked = { ...ASK, stream: true as const, stream_options: { include_usage: true } };
    const [left, right] = (await openai("plain").chat.completions.create(asked)).tee();
    const texts = [left, right].map(async (branch) => {
      let text = "";
      for await (const chunk of branch) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
      return text;
    });
    assert.deepEqual(await Promise.all(texts), ["forty-two", "forty-two"]);
    assert.deepEqual((await one()).usage, CHAT_USAGE);
    for await (const _ of await openai("hang").chat.completions.create(asked)) {
      break;
    }
    assert.equal((await one()).status, "aborted");
  });

  test(`each try of an SDK is a call of its own, ${way}`, async () => {
    await openai("retry").chat.completions.create(ASK);
    assert.deepEqual(
      (await recordedCalls()).map((call) => [call.status, call.attempt]),
      [
        ["error", 1],
        ["ok", 2],
      ],
    );
  });

  test(`a refusal, ${way}`, async () => {
    await assert.rejects(openai("refuse").chat.completions.create(ASK, { maxRetries: 0 }), OpenAI.RateLimitError);
    assert.deepEqual((await one()).error_type, "rate_limited");
  });

  test(`a timeout of the SDK, ${way}`, async () => {
    const asked = openai("silent").chat.completions.create(ASK, { maxRetries: 0, timeout: 50 });
    await assert.rejects(asked, OpenAI.APIConnectionTimeoutError);
    assert.equal((await one()).status, "cancelled");
  });

  test(`Anthropic, ${way}`, async () => {
    const answer = await anthropic("plain").messages.create(TELL);
    assert.equal(answer.usage.output_tokens, MESSAGE.usage.output_tokens);
    const call = await one();
    assert.deepEqual([call.usage, call.provider], [{ input: 900, output: 30 }, "anthropic"]);
  });

  test(`a stream of Anthropic, ${way}`, async () => {
    const message = await anthropic("plain").messages.stream(TELL).finalMessage();
    assert.equal(message.usage.output_tokens, 30);
    assert.deepEqual((await one()).usage, { input: 900, output: 30 });
  });
}
