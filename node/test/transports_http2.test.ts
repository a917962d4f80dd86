import "./home";
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { tap, untap } from "../dist/transports/http2";
import { certificate } from "./certificate";
import { recordedAlike, recordedCalls } from "./recorder";
import { closed, Transcript } from "./transcript";

const QUESTION = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "x" }] });
const ANSWER = JSON.stringify({ id: "c", model: "gpt-4", usage: { prompt_tokens: 9, completion_tokens: 3 } });
const EVENT = `data: {"id":"c","model":"gpt-4","choices":[{"delta":{"content":"a"}}]}\n\n`;
const PATH = "/v1/chat/completions";
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = http2.constants;

const ANSWERS: Record<string, (stream: http2.ServerHttp2Stream) => void> = {
  whole: (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/json" });
    stream.end(ANSWER);
  },
  gzip: (stream) => {
    stream.respond({ ":status": 200, "content-encoding": "gzip" });
    stream.end(gzipSync(ANSWER));
  },
  trailers: (stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
    stream.end(ANSWER);
  },
  hints: (stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</a>" });
    ANSWERS.whole?.(stream);
  },
  refused: (stream) => stream.respond({ ":status": 401 }, { endStream: true }),
  redirect: (stream) => stream.respond({ ":status": 307, location: "/" }, { endStream: true }),
  endless: (stream) => {
    stream.respond({ ":status": 200, "content-type": "text/event-stream" });
    stream.write(EVENT);
  },
  silent: () => {},
  broken: (stream) => {
    ANSWERS.endless?.(stream);
    setImmediate(() => stream.destroy(new Error("broken")));
  },
  unwilling: (stream) => stream.close(NGHTTP2_REFUSED_STREAM),
  cut: (stream) => {
    ANSWERS.endless?.(stream);
    setImmediate(cutAll);
  },
};

const server = http2.createServer();
const sockets = new Set<Socket>();
server.on("connection", (socket) => sockets.add(socket));
const cutAll = () => {
  for (const socket of sockets) {
    socket.destroy();
  }
};
server.on("sessionError", () => {});
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  stream.on("end", () => ANSWERS[headers[":path"]?.split("?")[1] ?? ""]?.(stream));
  stream.resume();
});
const port = () => (server.address() as AddressInfo).port;

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => {
  cutAll();
  server.close();
});
afterEach(() => {
  untap();
  assert.equal(faults() + native().faults(), 0, "llmlab failed inside");
});

type Program = (transcript: Transcript, session: http2.ClientHttp2Session) => Promise<unknown>;

function ask(transcript: Transcript, session: http2.ClientHttp2Session, name: string, options = {}) {
  const stream = session.request({ ":method": "POST", ":path": `${PATH}?${name}`, "x-a": "1" }, options);
  transcript.follow("stream", stream);
  stream.on("error", () => {});
  return stream;
}

const reading =
  (name: string): Program =>
  async (transcript, session) => {
    const stream = ask(transcript, session, name);
    stream.on("data", () => {});
    stream.end(QUESTION);
    await closed(stream);
    transcript.note(stream.rstCode, stream.aborted, stream.readableEnded, stream.writableFinished);
  };

const PROGRAMS: Record<string, readonly [Program, ...string[]]> = {
  "an answer is read": [reading("whole"), "ok"],
  "a compressed answer is read": [reading("gzip"), "ok"],
  "an answer has trailers": [reading("trailers"), "ok"],
  "hints come before the answer": [reading("hints"), "ok"],
  "the provider refuses without a word": [reading("refused"), "error http_401"],
  "a redirect": [reading("redirect")],
  "the server breaks the stream": [reading("broken"), "lost"],
  "the server refuses the stream": [reading("unwilling")],
  "the connection breaks": [reading("cut"), "lost"],
  "an answer is read late": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "whole").end(QUESTION) as http2.ClientHttp2Stream;
      await once(stream, "response");
      for await (const piece of stream) {
        transcript.note(piece);
      }
      await closed(stream);
    },
    "ok",
  ],
  "the body is written in pieces": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "whole");
      transcript.note(stream.write(QUESTION.slice(0, 9)));
      stream.write(Buffer.from(QUESTION.slice(9, 20)), () => transcript.note("written"));
      stream.end(QUESTION.slice(20), () => transcript.note("ended"));
      stream.resume();
      await closed(stream);
    },
    "ok",
  ],
  "a stream is closed before the head": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "silent");
      stream.end(QUESTION, () => setImmediate(() => stream.close(NGHTTP2_CANCEL)));
      await closed(stream);
    },
    "cancelled",
  ],
  "a stream is closed after the head": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "endless");
      stream.on("data", () => stream.close());
      stream.end(QUESTION);
      await closed(stream);
    },
    "aborted",
  ],
  "a stream is destroyed": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "endless");
      stream.once("data", () => stream.destroy());
      stream.end(QUESTION);
      await closed(stream);
    },
    "aborted",
  ],
  "the program breaks off a stream": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "endless");
      const over = closed(stream);
      stream.end(QUESTION);
      for await (const piece of stream) {
        transcript.note(piece);
        break;
      }
      await over;
    },
    "aborted",
  ],
  "a signal aborts a stream": [
    async (transcript, session) => {
      const controller = new AbortController();
      const stream = ask(transcript, session, "endless", { signal: controller.signal });
      stream.once("data", () => controller.abort());
      stream.end(QUESTION);
      await closed(stream);
    },
    "cancelled AbortError",
  ],
  "a session is destroyed": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "endless");
      stream.once("data", () => session.destroy());
      stream.end(QUESTION);
      await closed(stream);
      transcript.note(stream.rstCode);
    },
    "aborted",
  ],
  "a session is destroyed before it is made": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "endless");
      stream.end(QUESTION);
      session.destroy();
      await closed(stream);
    },
  ],
  "a path that is nobody's": [
    async (transcript, session) => {
      const stream = session.request({ ":method": "POST", ":path": "/login?whole" });
      transcript.follow("stream", stream);
      stream.resume();
      stream.end(QUESTION);
      await closed(stream);
    },
  ],
  "two streams of one session": [
    async (transcript, session) => {
      const streams = [ask(transcript, session, "whole"), ask(new Transcript(), session, "whole")];
      for (const stream of streams) {
        stream.resume();
        stream.end(QUESTION);
      }
      await Promise.all(streams.map(closed));
    },
    "ok",
    "ok",
  ],
  "what is no body is refused": [
    async (transcript, session) => {
      const stream = ask(transcript, session, "whole");
      for (const wrong of [null, 7, {}]) {
        try {
          transcript.note(stream.write(wrong));
        } catch (error) {
          transcript.note(error);
        }
      }
      stream.resume();
      stream.end(QUESTION);
      await closed(stream);
      transcript.note(stream.rstCode === NGHTTP2_NO_ERROR);
    },
    "ok",
  ],
};

for (const [name, [program, ...expected]] of Object.entries(PROGRAMS)) {
  test(`seen and unseen alike: ${name}`, { timeout: 20_000 }, async () => {
    const run = async () => {
      const transcript = new Transcript();
      const session = http2.connect(`http://127.0.0.1:${port()}`);
      session.on("error", (error) => transcript.note(error));
      await program(transcript, session);
      session.destroy();
      return transcript.lines;
    };
    const { calls, told } = await recordedAlike(run, tap);
    assert.deepEqual(told, expected);
    for (const call of calls.filter(({ status }) => status === "ok")) {
      assert.equal(call.model, "gpt-4");
      assert.deepEqual(call.usage, { input: 9, output: 3 });
    }
  });
}

test("a session over TLS is seen, and one that was there before", { timeout: 20_000 }, async () => {
  const pair = await certificate();
  const secure = http2.createSecureServer(pair);
  secure.on("stream", (stream) => ANSWERS.whole?.(stream));
  secure.listen(0, "127.0.0.1");
  await once(secure, "listening");
  const address = `https://localhost:${(secure.address() as AddressInfo).port}`;
  const early = http2.connect(address, { ca: pair.cert });
  tap();
  const late = http2.connect(address, { ca: pair.cert });
  for (const session of [late, early]) {
    const stream = session.request({ ":method": "POST", ":path": PATH });
    stream.resume();
    stream.end(QUESTION);
    await closed(stream);
    session.destroy();
  }
  secure.close();
  assert.equal((await recordedCalls()).length, 2);
});

test("a tap leaves no trace when it is taken out", async () => {
  const { connect } = http2;
  const session = connect(`http://127.0.0.1:${port()}`);
  const prototype = Object.getPrototypeOf(session);
  const { request } = prototype;
  const source = `export { connect } from "node:http2"`;
  const named = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  tap();
  const tapped = require("node:http2").connect(`http://127.0.0.1:${port()}`);
  assert.notEqual(named.connect, connect);
  assert.notEqual(prototype.request, request);
  untap();
  assert.equal(require("node:http2").connect, connect);
  assert.equal(named.connect, connect);
  assert.equal(prototype.request, request);
  for (const made of [session, tapped]) {
    made.destroy();
  }
});
