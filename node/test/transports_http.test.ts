import "./home";
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { tap, untap } from "../dist/transports/http";
import { ca, PATH, plain, portOf, QUESTION, secure, url } from "./http-stand-in";
import { recordedCalls } from "./recorder";
import { ask, read, reading, responded, seenAndUnseenAlike } from "./seen-and-unseen";
import { closed, Transcript } from "./transcript";

seenAndUnseenAlike({
  "an answer is read": [reading("whole"), "ok"],
  "a compressed answer is read": [reading("gzip"), "ok"],
  "a stream is read": [reading("stream"), "ok"],
  "a large answer is read": [reading("large"), "ok"],
  "an answer has trailers": [reading("trailers"), "ok"],
  "hints come before the answer": [reading("hints"), "ok"],
  "a body ends with the connection": [reading("untilClose"), "ok"],
  "a server answers twice": [reading("twice"), "ok"],
  "the provider refuses": [reading("refused"), "error rate_limit_exceeded"],
  "a redirect": [reading("redirect")],
  "no content": [reading("empty"), "ok"],
  "not modified": [reading("unchanged")],
  "a path that is nobody's": [
    async (transcript, agent) => {
      const request = http.request(`http://127.0.0.1:${portOf(plain)}/login?whole`, { method: "POST", agent });
      request.end(QUESTION);
      await read(transcript, request);
    },
  ],
  "nine hundred headers": [reading("manyHeads"), "ok"],
  "the body is written in pieces": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent });
      const written: boolean[] = [request.write(QUESTION.slice(0, 10))];
      written.push(request.write(Buffer.from(QUESTION.slice(10, 20)), () => transcript.note("written")));
      const rest = QUESTION.slice(20);
      const wire = Buffer.from(rest).toString("latin1");
      const returned = request.end(wire, "latin1", () => transcript.note("ended"));
      transcript.note(...written, returned === request);
      await read(transcript, request);
    },
    "ok",
  ],
  "a buffer is used again for the next piece": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent });
      const buffer = Buffer.alloc(16);
      const bytes = Buffer.from(QUESTION);
      for (let at = 0; at < bytes.length; at += buffer.length) {
        const size = bytes.copy(buffer, 0, at);
        await new Promise((resolve) => request.write(buffer.subarray(0, size), resolve));
      }
      request.end();
      await read(transcript, request);
    },
    "ok",
  ],
  "the length is announced": [
    async (transcript, agent) => {
      const headers = { "content-length": Buffer.byteLength(QUESTION) };
      const request = ask(transcript, "whole", { agent, headers });
      request.write(QUESTION);
      request.end();
      await read(transcript, request);
    },
    "ok",
  ],
  "the body is piped in": [
    async (transcript, agent) => {
      const request = ask(transcript, "stream", { agent });
      Readable.from([QUESTION.slice(0, 9), QUESTION.slice(9)]).pipe(request);
      await read(transcript, request);
    },
    "ok",
  ],
  "what is no body is refused": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent });
      for (const wrong of [null, 7, {}, Symbol.iterator, undefined]) {
        try {
          transcript.note(request.write(wrong as never));
        } catch (error) {
          transcript.note(error);
        }
      }
      try {
        request.end(7 as never);
      } catch (error) {
        transcript.note(error);
      }
      request.end(QUESTION);
      request.end(() => transcript.note("ended again"));
      transcript.note(request.write("more"));
      await read(transcript, request);
    },
    "ok",
  ],
  "a request waits for 100-continue": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent, headers: { expect: "100-continue" } });
      request.flushHeaders();
      await once(request, "continue");
      request.end(QUESTION);
      await read(transcript, request);
    },
    "ok",
  ],
  "an upgrade": [
    async (transcript) => {
      const request = ask(transcript, "whole", { headers: { connection: "upgrade", upgrade: "x" } });
      request.on("upgrade", (_, socket) => socket.destroy());
      request.end(QUESTION);
      await closed(request);
    },
  ],
  "two requests over one connection": [
    async (transcript) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const both = [ask(transcript, "whole", { agent }), ask(transcript, "stream", { agent })];
      await Promise.all(both.map((request) => read(transcript, request.end(QUESTION))));
      agent.destroy();
    },
    "ok",
    "ok",
  ],
  "text is read": [
    async (transcript, agent) => {
      const request = ask(transcript, "stream", { agent }).end(QUESTION);
      const response = await responded(transcript, request);
      response?.setEncoding("utf8");
      const over = closed(request);
      for await (const text of response ?? []) {
        transcript.note(text);
      }
      await over;
    },
    "ok",
  ],
  "a response is piped into something slow": [
    async (transcript, agent) => {
      const request = ask(transcript, "large", { agent }).end(QUESTION);
      const response = await responded(transcript, request);
      let bytes = 0;
      const slow = new Writable({
        highWaterMark: 1000,
        write(chunk, _, done) {
          bytes += chunk.length;
          setImmediate(done);
        },
      });
      const over = closed(request);
      await pipeline(response ?? [], slow);
      await over;
      transcript.note(bytes);
    },
    "ok",
  ],
  "a response is unpiped, paused and read on": [
    async (transcript, agent) => {
      const request = ask(transcript, "stream", { agent }).end(QUESTION);
      const response = (await responded(transcript, request)) as http.IncomingMessage;
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      response.pipe(nowhere);
      response.unpipe(nowhere);
      transcript.note(response.readableFlowing, response.isPaused(), response.listenerCount("data"));
      response.on("readable", () => {
        for (let piece = response.read(); piece !== null; piece = response.read()) {
          transcript.note(piece);
        }
      });
      await closed(request);
    },
    "ok",
  ],
  "a response is resumed": [
    async (transcript, agent) => {
      const request = ask(transcript, "whole", { agent }).end(QUESTION);
      request.once("response", (response) => response.resume());
      await closed(request);
    },
    "ok",
  ],
  "headers are an array": [
    async (transcript, agent) => {
      const headers = ["Host", `127.0.0.1:${portOf(plain)}`, "Content-Length", String(Buffer.byteLength(QUESTION))];
      const request = ask(transcript, "whole", { agent, headers: headers as never });
      request.end(QUESTION);
      await read(transcript, request);
    },
    "ok",
  ],
  "a request is made by hand": [
    async (transcript, agent) => {
      const made = { host: "127.0.0.1", port: portOf(plain), path: `${PATH}?whole`, method: "post", agent };
      const request = new http.ClientRequest(made as never);
      request.end(QUESTION);
      await read(transcript, request);
    },
    "ok",
  ],
  "a request goes through a proxy": [
    async (transcript, agent) => {
      const path = `http://api.openai.com${PATH}?whole`;
      const request = http.request({ host: "127.0.0.1", port: portOf(plain), path, method: "POST", agent });
      request.end(QUESTION);
      await read(transcript, request);
    },
    "ok",
  ],
  "a request over TLS": [
    async (transcript) => {
      const request = https.request({
        host: "localhost",
        port: portOf(secure),
        path: PATH,
        method: "POST",
        ca,
        agent: false,
      });
      transcript.follow("request", request);
      request.end(QUESTION);
      await read(transcript, request);
    },
    "ok",
  ],
});

test("whoever imports by name is seen", async () => {
  tap();
  const source = `export { request } from "node:http"`;
  const { request } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  await read(new Transcript(), request(url("whole"), { method: "POST" }).end(QUESTION));
  assert.equal((await recordedCalls()).length, 1);
});

test("a tap leaves no trace when it is taken out", async () => {
  const { prototype } = http.ClientRequest;
  const names = Object.getOwnPropertyNames(prototype);
  const methods = [prototype.write, prototype.end];
  tap();
  tap();
  assert.notDeepEqual([prototype.write, prototype.end], methods);
  untap();
  assert.deepEqual(Object.getOwnPropertyNames(prototype), names);
  assert.deepEqual([prototype.write, prototype.end], methods);
});

test("a tap that somebody has patched over stays in and sees nothing", async () => {
  tap();
  const { prototype } = http.ClientRequest;
  const ours = prototype.end;
  const theirs = function (this: http.ClientRequest, ...args: Parameters<typeof ours>) {
    return ours.apply(this, args);
  };
  prototype.end = theirs as never;
  untap();
  assert.equal(prototype.end, theirs);
  await read(new Transcript(), http.request(url("whole"), { method: "POST" }).end(QUESTION));
  assert.deepEqual(await recordedCalls(), []);
  tap();
  await read(new Transcript(), http.request(url("whole"), { method: "POST" }).end(QUESTION));
  assert.equal((await recordedCalls()).length, 1);
  prototype.end = ours;
});

test("what is put on a request is not listed with its properties", async () => {
  const keys = async () => {
    const request = http.request(url("whole"), { method: "POST" }).end(QUESTION);
    const [response] = await once(request, "response");
    response.resume();
    await closed(request);
    return [Object.keys(request), Object.keys(response), request.eventNames(), response.eventNames()];
  };
  const bare = await keys();
  tap();
  assert.deepEqual(await keys(), bare);
  await recordedCalls();
});
