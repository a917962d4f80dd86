/**
 * A provider on this machine. The first element of a path says what happens: `/plain/v1/chat/completions` is answered,
 * `/cut/…` breaks off, and so on.
 */

import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

export const CHAT = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "forty-two" } }],
  usage: { prompt_tokens: 1200, completion_tokens: 80, total_tokens: 1280 },
};
export const CHAT_USAGE = { input: 1200, output: 80 };
export const MESSAGE = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-6",
  content: [{ type: "text", text: "forty-two" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 900, output_tokens: 30 },
};

function event(told: object): string {
  return `data: ${JSON.stringify({ id: "chatcmpl-2", object: "chat.completion.chunk", created: 1, ...told })}\n\n`;
}

/** What OpenAI streams: usage only if it was asked for. */
export function chatEvents(isAsked: boolean): string[] {
  const usage = isAsked ? { usage: null } : {};
  const words = ["for", "ty", "-", "two"].map((content) =>
    event({ model: CHAT.model, choices: [{ index: 0, delta: { content }, finish_reason: null }], ...usage }),
  );
  const told = isAsked ? [event({ model: CHAT.model, choices: [], usage: CHAT.usage })] : [];
  return [...words, ...told, "data: [DONE]\n\n"];
}

function messageEvents(): string[] {
  const start = { ...MESSAGE, content: [], stop_reason: null, usage: { input_tokens: 900, output_tokens: 1 } };
  return [
    { type: "message_start", message: start },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "forty-two" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 30 } },
    { type: "message_stop" },
  ].map((told) => `event: ${told.type}\ndata: ${JSON.stringify(told)}\n\n`);
}

interface Question {
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
}

type Answer = (response: http.ServerResponse, question: Question, request: http.IncomingMessage) => unknown;

const json = { "content-type": "application/json" };
const events = { "content-type": "text/event-stream" };

function eventsFor(request: http.IncomingMessage, question: Question): string[] {
  const isAsked = question.stream_options?.include_usage === true;
  return request.url?.includes("messages") ? messageEvents() : chatEvents(isAsked);
}

/** Each piece in a write of its own. */
async function stream(response: http.ServerResponse, pieces: Iterable<string | Uint8Array>): Promise<void> {
  for (const piece of pieces) {
    response.write(piece);
    await new Promise(setImmediate);
  }
}

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

function raw(response: http.ServerResponse, text: string): void {
  response.socket?.end(text);
}

const ANSWERS: Record<string, Answer> = {
  plain: async (response, question, request) => {
    if (question.stream === true) {
      await stream(response.writeHead(200, events), eventsFor(request, question));
      response.end();
    } else {
      response.writeHead(200, json).end(JSON.stringify(request.url?.includes("messages") ? MESSAGE : CHAT));
    }
  },
  gzip: async (response, question, request) => {
    const text = question.stream === true ? eventsFor(request, question).join("") : JSON.stringify(CHAT);
    response.writeHead(200, { ...(question.stream === true ? events : json), "content-encoding": "gzip" });
    await stream(response, slices(gzipSync(text), 50));
    response.end();
  },
  length: (response, question, request) => {
    const text = eventsFor(request, question).join("");
    response.writeHead(200, { ...events, "content-length": text.length }).end(text);
  },
  refuse: (response) => response.writeHead(429, json).end('{"error":{"message":"slow down","code":"rate_limited"}}'),
  retry: (response, _, request) =>
    request.headers["x-stainless-retry-count"] === "0"
      ? response.writeHead(500, { "retry-after-ms": "1" }).end("{}")
      : response.writeHead(200, json).end(JSON.stringify(CHAT)),
  moved: (response, _, request) =>
    response.writeHead(307, { location: request.url?.replace("/moved/", "/plain/") }).end(),
  other: (response, _, request) =>
    response.writeHead(302, { location: request.url?.replace("/other/", "/plain/") }).end(),
  hints: (response) => {
    response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.writeHead(200, json).end(JSON.stringify(CHAT));
  },
  trailers: (response) => {
    response.writeHead(200, { ...json, trailer: "x-sum" });
    response.write(JSON.stringify(CHAT));
    response.addTrailers({ "x-sum": "1" });
    response.end();
  },
  nothing: (response) => response.writeHead(204).end(),
  empty: (response) => response.writeHead(200, json).end(),
  mislabelled: (response) => response.writeHead(200, { "content-type": "image/png" }).end(JSON.stringify(CHAT)),
  huge: (response) => response.writeHead(200, json).end(`${" ".repeat(1 << 20)}${JSON.stringify(CHAT)}`),
  drop: (response) => response.socket?.destroy(),
  silent: () => {},
  hang: (response, question, request) =>
    stream(response.writeHead(200, events), eventsFor(request, question).slice(0, 2)),
  halfHang: async (response, question, request) => {
    const told = eventsFor(request, question);
    await stream(response.writeHead(200, events), [...told.slice(0, 2), (told[2] ?? "").slice(0, 20)]);
  },
  cut: async (response, question, request) => {
    await stream(response.writeHead(200, events), eventsFor(request, question).slice(0, 3));
    response.socket?.destroy();
  },
  short: (response) => {
    response.writeHead(200, { ...json, "content-length": "1000" });
    response.write(JSON.stringify(CHAT).slice(0, 20), () => response.socket?.destroy());
  },
  truncatedGzip: (response) => {
    const whole = gzipSync(JSON.stringify(CHAT));
    response.writeHead(200, { ...json, "content-encoding": "gzip" }).end(whole.subarray(0, whole.length - 20));
  },
  noGzip: (response) => response.writeHead(200, { ...json, "content-encoding": "gzip" }).end(JSON.stringify(CHAT)),
  badChunk: (response) => raw(response, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"),
  noHttp: (response) => raw(response, "SMTP ready\r\n\r\n"),
  untilClose: (response) => raw(response, `HTTP/1.1 200 OK\r\n\r\n${JSON.stringify(CHAT)}`),
};

/** What came, oldest first. */
export const received: { method: string; url: string; body: string }[] = [];

const server = http.createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("error", () => {});
  request.on("end", () => {
    const body = Buffer.concat(pieces).toString();
    received.push({ method: request.method ?? "", url: request.url ?? "", body });
    const question: Question = body.startsWith("{") ? JSON.parse(body) : {};
    ANSWERS[request.url?.split("/")[1] ?? ""]?.(response, question, request);
  });
});

/** Starts it, and gives its port. */
export async function start(): Promise<number> {
  // A connection that is closed while it is idle may be taken for the next request at the same moment.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export function stop(): void {
  server.close();
  server.closeAllConnections();
}
