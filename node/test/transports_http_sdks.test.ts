/** The clients that are built on `node:http` and `node:http2`. */

import "./home";
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { after, afterEach, before, beforeEach, test } from "node:test";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import axios from "axios";
import OpenAI from "openai";
import { sending } from "../dist/exchange";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import * as httpTap from "../dist/transports/http";
import * as http2Tap from "../dist/transports/http2";
import { recordedCalls } from "./recorder";

const QUESTION = { model: "gpt-4", messages: [{ role: "user" as const, content: "x" }] };
const ANSWER = { id: "c", model: "gpt-4", choices: [], usage: { prompt_tokens: 9, completion_tokens: 3 } };
const EVENTS = [
  `data: {"id":"c","model":"gpt-4","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n`,
  `data: ${JSON.stringify(ANSWER)}\n\n`,
  "data: [DONE]\n\n",
];

const MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0";
const USAGE = { inputTokens: 9, outputTokens: 3, totalTokens: 12 };
const CLAUDE = [
  {
    type: "message_start",
    message: { id: "m", model: "claude-3-5-sonnet-20240620", usage: { input_tokens: 9, output_tokens: 1 } },
  },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } },
  { type: "message_stop", "amazon-bedrock-invocationMetrics": { inputTokenCount: 9, outputTokenCount: 3 } },
];

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString("utf8"),
  (text) => Buffer.from(text, "utf8"),
);

function frame(event: string, payload: object): Uint8Array {
  const string = (value: string) => ({ type: "string" as const, value });
  const headers = {
    ":message-type": string("event"),
    ":event-type": string(event),
    ":content-type": string("application/json"),
  };
  return codec.encode({ headers, body: Buffer.from(JSON.stringify(payload)) });
}

/** Answers by the end of the path. */
const ANSWERS: Record<string, (response: http.ServerResponse) => void> = {
  completions: (response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(ANSWER));
  },
  stream: (response) => {
    response.setHeader("content-type", "text/event-stream");
    response.end(EVENTS.join(""));
  },
  silent: () => {},
  converse: (response) => {
    const message = { role: "assistant", content: [{ text: "x" }] };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ output: { message }, stopReason: "end_turn", usage: USAGE, metrics: { latencyMs: 1 } }),
    );
  },
  "converse-stream": (response) => {
    response.setHeader("content-type", "application/vnd.amazon.eventstream");
    response.write(frame("messageStart", { role: "assistant" }));
    response.write(frame("contentBlockDelta", { delta: { text: "x" }, contentBlockIndex: 0 }));
    response.write(frame("messageStop", { stopReason: "end_turn" }));
    response.end(frame("metadata", { usage: USAGE, metrics: { latencyMs: 1 } }));
  },
  invoke: (response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ id: "m", type: "message", usage: { input_tokens: 9, output_tokens: 3 } }));
  },
  "invoke-with-response-stream": (response) => {
    response.setHeader("content-type", "application/vnd.amazon.eventstream");
    for (const event of CLAUDE) {
      response.write(frame("chunk", { bytes: Buffer.from(JSON.stringify(event)).toString("base64") }));
    }
    response.end();
  },
};

function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume();
  request.once("end", () => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const [end, before] = path.split("/").reverse();
    ANSWERS[before === "silent" ? before : query || (end ?? "")]?.(response);
  });
}

const first = http.createServer(answer);
const second = http2.createServer(answer as never);
const sockets = new Set<Socket>();
const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

before(async () => {
  for (const server of [first, second]) {
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
});

after(() => {
  for (const socket of sockets) {
    socket.destroy();
  }
  first.close();
  second.close();
});

beforeEach(() => {
  httpTap.tap();
  http2Tap.tap();
});

afterEach(() => {
  httpTap.untap();
  http2Tap.untap();
  assert.equal(faults() + native().faults(), 0, "llmlab failed inside");
});

async function assertRecorded(...expected: string[]): Promise<void> {
  const calls = await recordedCalls();
  const told = calls.map(({ status, error_type }) => (error_type === null ? status : `${status} ${error_type}`));
  assert.deepEqual(told, expected);
  for (const { usage, status } of calls) {
    assert.deepEqual([usage.input, usage.output], status === "ok" ? [9, 3] : [undefined, undefined]);
  }
}

const chat = (query = "") => `${address(first)}/v1/chat/completions${query}`;

test("axios: an answer, a stream and a signal", { timeout: 20_000 }, async () => {
  const { data } = await axios.post(chat(), QUESTION);
  assert.deepEqual(data, ANSWER);
  await assertRecorded("ok");
  const streamed = await axios.post(chat("?stream"), QUESTION, { responseType: "stream" });
  let text = "";
  for await (const piece of streamed.data) {
    text += piece;
  }
  assert.equal(text, EVENTS.join(""));
  await assertRecorded("ok");
  const controller = new AbortController();
  const asked = axios.post(chat("?silent"), QUESTION, { signal: controller.signal });
  first.once("request", () => controller.abort());
  await assert.rejects(asked, { name: "CanceledError" });
  await assertRecorded("cancelled CanceledError");
});

test("node-fetch: an answer and a stream", { timeout: 20_000 }, async () => {
  const { default: fetch } = await import("node-fetch");
  const init = { method: "POST", body: JSON.stringify(QUESTION) };
  assert.deepEqual(await (await fetch(chat(), init)).json(), ANSWER);
  await assertRecorded("ok");
  assert.equal(await (await fetch(chat("?stream"), init)).text(), EVENTS.join(""));
  await assertRecorded("ok");
});

test("got: an answer and a stream", { timeout: 20_000 }, async () => {
  const { default: got } = await import("got");
  assert.deepEqual(await got.post(chat(), { json: QUESTION }).json(), ANSWER);
  await assertRecorded("ok");
  let text = "";
  for await (const piece of got.stream.post(chat("?stream"), { json: QUESTION })) {
    text += piece;
  }
  assert.equal(text, EVENTS.join(""));
  await assertRecorded("ok");
});

test("the OpenAI SDK over node-fetch", { timeout: 20_000 }, async () => {
  const { default: fetch } = await import("node-fetch");
  const openai = new OpenAI({ apiKey: "k", baseURL: `${address(first)}/v1`, fetch: fetch as never, maxRetries: 0 });
  const completion = await openai.chat.completions.create(QUESTION);
  assert.equal(completion.usage?.prompt_tokens, 9);
  await assertRecorded("ok");
});

test("what travels through another tap's hands is counted there", { timeout: 20_000 }, async () => {
  const mark = { active: true };
  await sending.run(mark, () => axios.post(chat(), QUESTION));
  await assertRecorded();
  mark.active = false;
  await sending.run(mark, () => axios.post(chat(), QUESTION));
  await assertRecorded("ok");
});

const region = "us-east-1";
const credentials = { accessKeyId: "a", secretAccessKey: "s" };
const CLIENTS = {
  "its HTTP/2 handler": () => new BedrockRuntimeClient({ region, credentials, endpoint: address(second) }),
  "its HTTP/1.1 handler": () =>
    new BedrockRuntimeClient({ region, credentials, endpoint: address(first), requestHandler: new NodeHttpHandler() }),
};

for (const [name, client] of Object.entries(CLIENTS)) {
  test(`the AWS SDK for Bedrock, with ${name}`, { timeout: 20_000 }, async () => {
    const bedrock = client();
    const messages = [{ role: "user" as const, content: [{ text: "x" }] }];
    const body = JSON.stringify({ messages: [], max_tokens: 1 });
    const converse = await bedrock.send(new ConverseCommand({ modelId: MODEL, messages }));
    assert.equal(converse.usage?.outputTokens, 3);
    await assertRecorded("ok");
    const stream = await bedrock.send(new ConverseStreamCommand({ modelId: MODEL, messages }));
    const events = [];
    for await (const event of stream.stream ?? []) {
      events.push(Object.keys(event)[0]);
    }
    assert.deepEqual(events, ["messageStart", "contentBlockDelta", "messageStop", "metadata"]);
    await assertRecorded("ok");
    const invoked = await bedrock.send(new InvokeModelCommand({ modelId: MODEL, body }));
    assert.match(invoked.body.transformToString(), /"id":"m"/);
    await assertRecorded("ok");
    const chunks = await bedrock.send(new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body }));
    let count = 0;
    for await (const _ of chunks.body ?? []) {
      count += 1;
    }
    assert.equal(count, CLAUDE.length);
    await assertRecorded("ok");
    const abort = new AbortController();
    const server = name.includes("2") ? second : first;
    (server as Server).once("request", () => abort.abort());
    const asked = bedrock.send(new ConverseCommand({ modelId: "silent", messages }), { abortSignal: abort.signal });
    await assert.rejects(asked, { name: "AbortError" });
    const [cancelled, ...more] = await recordedCalls();
    assert.deepEqual([cancelled?.status, more.length], ["cancelled", 0]);
    bedrock.destroy();
  });
}
