/** Programs that run without a tap and with one, and must see the same. */

import "./home";
import assert from "node:assert/strict";
import * as http from "node:http";
import { afterEach, test } from "node:test";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { tap, untap } from "../dist/transports/http";
import { QUESTION, TOKENS, url } from "./http-stand-in";
import { recordedAlike } from "./recorder";
import { closed, Transcript } from "./transcript";

afterEach(() => {
  untap();
  assert.equal(faults() + native().faults(), 0, "llmlab failed inside");
});

export type Program = (transcript: Transcript, agent: http.Agent) => Promise<unknown>;

export function ask(transcript: Transcript, name: string, options: http.RequestOptions = {}): http.ClientRequest {
  const request = http.request(url(name), { method: "POST", ...options });
  transcript.follow("request", request);
  request.on("error", () => {});
  return request;
}

/** The response, or `undefined` if there is none. */
export async function responded(
  transcript: Transcript,
  request: http.ClientRequest,
): Promise<http.IncomingMessage | undefined> {
  const response = await new Promise<http.IncomingMessage | undefined>((resolve) => {
    request.once("response", (response) => {
      if (!request.path.endsWith("large")) {
        transcript.follow("response", response); // how TCP cuts what is large, no two runs have in common
      }
      transcript.note(
        response.statusCode,
        response.statusMessage,
        response.httpVersion,
        response.headers["content-type"],
      );
      transcript.note(...response.rawHeaders.filter((_, at, all) => !/^date$/i.test(all[at - (at % 2)] ?? "")));
      response.on("error", () => {});
      resolve(response);
    });
    request.once("close", () => resolve(undefined));
  });
  return response;
}

/** Reads with listeners. */
export async function read(transcript: Transcript, request: http.ClientRequest): Promise<void> {
  const over = closed(request);
  const response = await responded(transcript, request);
  response?.on("data", () => {});
  await over;
  transcript.note(response?.complete, JSON.stringify(response?.trailers), request.reusedSocket);
}

export const reading =
  (name: string, options?: http.RequestOptions): Program =>
  async (transcript, agent) => {
    const request = ask(transcript, name, { agent, ...options });
    request.end(QUESTION);
    await read(transcript, request);
  };

/** An answer that nobody should send: it is recorded once, and what of it is of no interest here. */
export const HOSTILE = "hostile";

/** Programs, and how the calls in them are recorded: `status`, or `status error_type`; with usage if it is `ok`. */
export type Programs = Record<string, readonly [Program, ...string[]]>;

export function seenAndUnseenAlike(programs: Programs): void {
  for (const [name, [program, ...expected]] of Object.entries(programs)) {
    test(`seen and unseen alike: ${name}`, { timeout: 20_000 }, async () => {
      const run = async () => {
        const transcript = new Transcript();
        const agent = new http.Agent();
        await program(transcript, agent);
        agent.destroy();
        return transcript.lines;
      };
      const { calls, told } = await recordedAlike(run, tap);
      if (expected[0] === HOSTILE) {
        assert.equal(calls.length, 1);
        return;
      }
      assert.deepEqual(told, expected);
      for (const call of calls.filter(({ status }) => status === "ok" && name !== "no content")) {
        assert.deepEqual([call.model_requested, call.model], ["gpt-4", "gpt-4"]);
        assert.deepEqual(call.usage, TOKENS);
      }
    });
  }
}
