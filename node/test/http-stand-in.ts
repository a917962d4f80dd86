/** Servers of HTTP/1.1 that answer as providers do, and as nobody should. */

import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo, Server } from "node:net";
import { after, before } from "node:test";
import { gzipSync } from "node:zlib";
import { certificate } from "./certificate";

export const QUESTION = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "grüß Gott" }] });
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  model: "gpt-4",
  choices: [{ message: { content: "x" } }],
  usage: { prompt_tokens: 9, completion_tokens: 3 },
});
const EVENTS = [
  `data: {"id":"c","model":"gpt-4","choices":[{"delta":{"content":"a"}}]}\n\n`,
  `data: {"id":"c","model":"gpt-4","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\n`,
  "data: [DONE]\n\n",
];
export const TOKENS = { input: 9, output: 3 };
export const PATH = "/v1/chat/completions";

/** What the server does with a request whose path ends with `?` and this name; the body is read before. */
const ANSWERS: Record<string, (response: http.ServerResponse, request: http.IncomingMessage) => void> = {
  whole: (response) => response.setHeader("content-type", "application/json").end(ANSWER),
  gzip: (response) => response.setHeader("content-encoding", "gzip").end(gzipSync(ANSWER)),
  stream: async (response) => {
    response.setHeader("content-type", "text/event-stream");
    for (const event of EVENTS) {
      response.write(event);
      await new Promise(setImmediate);
    }
    response.end();
  },
  endless: (response) => response.setHeader("content-type", "text/event-stream").write(EVENTS[0]),
  silent: () => {},
  large: (response) => response.end(`${" ".repeat(1 << 20)}${ANSWER}`),
  trailers: (response) => {
    response.writeHead(200, { trailer: "x-sum" });
    response.write(ANSWER);
    response.addTrailers({ "x-sum": "1" });
    response.end();
  },
  hints: (response) => {
    response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.end(ANSWER);
  },
  refused: (response) => response.writeHead(429).end('{"error":{"message":"no","code":"rate_limit_exceeded"}}'),
  redirect: (response) => response.writeHead(307, { location: "/elsewhere" }).end("moved"),
  empty: (response) => response.writeHead(204).end(),
  unchanged: (response) => response.writeHead(304).end(),
  reset: (response) => response.socket?.destroy(),
  cut: (response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write(ANSWER.slice(0, 40), () => response.socket?.destroy());
  },
  cutStream: (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(EVENTS[0], () => response.socket?.destroy());
  },
  noHttp: (response) => response.socket?.end("SMTP ready\r\n\r\n"),
  badChunk: (response) =>
    response.socket?.end(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`),
  untilClose: (response) => response.socket?.end(`HTTP/1.1 200 OK\r\n\r\n${ANSWER}`),
  noGzip: (response) => response.setHeader("content-encoding", "gzip").end("\x1f\x8bnot at all"),
  noEncoding: (response) => response.setHeader("content-encoding", "x".repeat(4000)).end(ANSWER),
  noJson: (response) => response.setHeader("content-type", "application/json").end("[".repeat(100_000)),
  notUtf8: (response) => response.end(Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x22])),
  absurd: (response) => response.end('{"model":"gpt-4","usage":{"prompt_tokens":-1,"completion_tokens":1e400}}'),
  oddStatus: (response) => response.socket?.end(`HTTP/1.1 999 \xff\xfe\r\nx: \xe9\r\n\r\n${ANSWER}`, "latin1"),
  manyHeads: (response) => {
    response.writeHead(200, Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`x-${at}`, "v"])));
    response.end(ANSWER);
  },
  hugeHead: (response) => response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`),
  tooLong: (response) =>
    response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}${ANSWER}`),
  twoLengths: (response) => response.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
  twice: (response) =>
    response.socket?.write(
      `HTTP/1.1 200 OK\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx`,
    ),
};

async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const name = request.url?.split("?")[1] ?? "whole";
  if (name === "early") {
    response.writeHead(413, { connection: "close" }).end('{"error":{"message":"too large"}}');
    return;
  }
  request.on("error", () => {});
  response.on("error", () => {});
  try {
    for await (const _ of request) {
      // Read to its end.
    }
  } catch {
    return;
  }
  ANSWERS[name]?.(response, request);
}

export const plain = http.createServer({ keepAlive: true }, serve);
plain.on("upgrade", (_, socket) =>
  socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
);
export let secure: https.Server;
export let ca: string;

export const portOf = (server: Server) => (server.address() as AddressInfo).port;

before(async () => {
  const pair = await certificate();
  ca = pair.cert;
  secure = https.createServer(pair, serve);
  plain.listen(0, "127.0.0.1");
  secure.listen(0, "127.0.0.1");
  await Promise.all([once(plain, "listening"), once(secure, "listening")]);
});

after(() => {
  for (const server of [plain, secure]) {
    server.closeAllConnections();
    server.close();
  }
});

/** Where a question is answered in a way. */
export const url = (name: string) => `http://127.0.0.1:${portOf(plain)}${PATH}?${name}`;
