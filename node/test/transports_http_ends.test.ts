/** Requests that go wrong, and those of which the program has had enough. */

import "./home";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PATH, portOf, QUESTION, secure } from "./http-stand-in";
import { ask, HOSTILE, reading, responded, seenAndUnseenAlike } from "./seen-and-unseen";
import { closed } from "./transcript";

seenAndUnseenAlike({
  "the connection is reset before the head": [reading("reset"), "lost ECONNRESET"],
  "the connection is reset in the body": [reading("cut"), "lost ECONNRESET"],
  "the connection is reset in a stream": [reading("cutStream"), "lost ECONNRESET"],
  "the server speaks no HTTP": [reading("noHttp"), "lost HPE_INVALID_CONSTANT"],
  "a chunk has no size": [reading("badChunk"), "lost HPE_INVALID_CHUNK_SIZE"],
  "a body that is no gzip": [reading("noGzip"), HOSTILE],
  "an encoding that does not exist": [reading("noEncoding"), HOSTILE],
  "a body that is no JSON": [reading("noJson"), HOSTILE],
  "a body that is no text": [reading("notUtf8"), HOSTILE],
  "counts that cannot be": [reading("absurd"), HOSTILE],
  "a status that does not exist": [reading("oddStatus"), HOSTILE],
  "a head that is too large": [reading("hugeHead"), "lost HPE_HEADER_OVERFLOW"],
  "a body that is longer than its length": [reading("tooLong"), HOSTILE],
  "two lengths": [reading("twoLengths"), HOSTILE],
  "nobody listens there": [
    async (transcript) => {
      const server = net.createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const port = portOf(server);
      await new Promise((resolve) => server.close(resolve));
      const request = http.request({ host: "127.0.0.1", port, path: PATH, method: "POST" });
      transcript.follow("request", request);
      request.on("error", () => {});
      request.end(QUESTION);
      await closed(request);
    },
  ],
  "the body that is piped in breaks": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent });
      const body = Readable.from(
        (async function* () {
          yield QUESTION;
          throw new Error("disk");
        })(),
      );
      await pipeline(body, request).catch((error) => transcript.note(error));
      await closed(request);
    },
  ],
  "an answer comes before the request has ended": [
    async (transcript) => {
      const request = ask(transcript, "early");
      request.write(QUESTION);
      const response = await responded(transcript, request);
      response?.resume();
      request.destroy();
      await closed(request);
    },
    "error http_413",
  ],
  "the program breaks off a stream": [
    async (transcript, agent) => {
      const request = ask(transcript, "endless", { agent }).end(QUESTION);
      const over = closed(request);
      const response = await responded(transcript, request);
      for await (const piece of response ?? []) {
        transcript.note(piece);
        break;
      }
      await over;
    },
    "aborted",
  ],
  "nobody listens for a response": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent }).end(QUESTION);
      await closed(request);
      transcript.note(request.listenerCount("response"));
    },
    "aborted",
  ],
  "a request is destroyed before the head": [
    async (transcript, agent) => {
      const request = ask(transcript, "silent", { agent });
      request.end(QUESTION, () => request.destroy());
      await closed(request);
    },
    "cancelled",
  ],
  "a request is aborted before the head": [
    async (transcript, agent) => {
      const request = ask(transcript, "silent", { agent });
      request.end(QUESTION, () => request.abort());
      await closed(request);
    },
    "cancelled",
  ],
  "a request is destroyed with an error": [
    async (transcript, agent) => {
      const request = ask(transcript, "silent", { agent });
      request.end(QUESTION, () => request.destroy(Object.assign(new Error("slow"), { name: "TimeoutError" })));
      await closed(request);
    },
    "lost TimeoutError",
  ],
  "a request is destroyed with what is no error": [
    async (transcript, agent) => {
      const request = ask(transcript, "silent", { agent });
      request.on("error", (error) => transcript.note(typeof error));
      request.end(QUESTION, () => request.destroy("why" as never));
      await closed(request);
    },
    "lost",
  ],
  "a request is destroyed before it has a connection": [
    async (transcript, agent) => {
      const request = ask(transcript, "silent", { agent }).end(QUESTION);
      request.destroy();
      await closed(request);
    },
  ],
  "a request takes too long": [
    async (transcript, agent) => {
      const request = ask(transcript, "silent", { agent });
      request.on("timeout", () => request.destroy());
      request.end(QUESTION, () => request.setTimeout(10));
      await closed(request);
    },
    "cancelled",
  ],
  "a signal aborts a request": [
    async (transcript, agent) => {
      const controller = new AbortController();
      const request = ask(transcript, "silent", { agent, signal: controller.signal });
      request.end(QUESTION, () => controller.abort());
      await closed(request);
    },
    "cancelled AbortError",
  ],
  "a signal aborts a stream": [
    async (transcript, agent) => {
      const controller = new AbortController();
      const request = ask(transcript, "endless", { agent, signal: controller.signal }).end(QUESTION);
      const response = await responded(transcript, request);
      response?.once("data", () => controller.abort());
      await closed(request);
    },
    "cancelled AbortError",
  ],
  "a response is destroyed": [
    async (transcript, agent) => {
      const request = ask(transcript, "endless", { agent }).end(QUESTION);
      const response = await responded(transcript, request);
      response?.once("data", () => response.destroy());
      await closed(request);
    },
    "aborted",
  ],
  "a response that did not come over any connection": [
    async (transcript) => {
      const agent = Object.assign(new http.Agent(), { addRequest: () => {} });
      const request = ask(transcript, "whole", { agent }).end(QUESTION);
      request.emit("response", Object.assign(new PassThrough(), { statusCode: 200 }));
      request.emit("close");
    },
  ],
  "a certificate that nobody trusts": [
    async (transcript) => {
      const request = https.request({
        host: "localhost",
        port: portOf(secure),
        path: PATH,
        method: "POST",
        agent: false,
      });
      transcript.follow("request", request);
      request.on("error", () => {});
      request.end(QUESTION);
      await closed(request);
    },
  ],
});
