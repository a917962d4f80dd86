/** Mocks of the network: what they see and answer is the same with a tap, wherever they sit. */

import "./home";
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import axios from "axios";
import nock from "nock";
import { faults } from "../dist/guard";
import { native } from "../dist/native";
import { tap, untap } from "../dist/transports/http";
import { recordedCalls } from "./recorder";

const URL = "https://api.openai.com/v1/chat/completions";
const QUESTION = { model: "gpt-4", stream: true, messages: [{ role: "user", content: "x" }] };
const ANSWER = { id: "c", model: "gpt-4", choices: [], usage: { prompt_tokens: 9, completion_tokens: 3 } };

afterEach(() => {
  untap();
  assert.equal(faults() + native().faults(), 0, "llmlab failed inside");
});

test("nock, which puts another class in the place of the requests", { timeout: 20_000 }, async () => {
  if (!nock.isActive()) {
    nock.activate();
  }
  for (const tapFirst of [true, false]) {
    nock.restore();
    if (tapFirst) {
      tap();
    }
    nock.activate();
    tap();
    nock("https://api.openai.com").post("/v1/chat/completions", QUESTION).reply(200, ANSWER);
    assert.deepEqual((await axios.post(URL, QUESTION)).data, ANSWER);
    assert.ok(nock.isDone());
    assert.ok((await recordedCalls()).length <= 1);
    untap();
  }
  nock.restore();
});

test("msw, which puts sockets of its own in the place of connections", { timeout: 20_000 }, async () => {
  nock.restore();
  const real = http.createServer((request, response) =>
    request.resume().on("end", () => response.end(JSON.stringify(ANSWER))),
  );
  real.listen(0, "127.0.0.1");
  await once(real, "listening");
  const bodies: unknown[] = [];
  // Its CommonJS form cannot be loaded by Node 18.
  const { HttpResponse, http: mocked } = await import("msw");
  const { setupServer } = await import("msw/node");
  const mock = setupServer(
    mocked.post(URL, async ({ request }) => {
      bodies.push(await request.json());
      return HttpResponse.json(ANSWER);
    }),
  );
  mock.listen({ onUnhandledRequest: "bypass" });
  tap();
  assert.deepEqual((await axios.post(URL, QUESTION)).data, ANSWER);
  assert.deepEqual(bodies, [QUESTION]);
  assert.ok((await recordedCalls()).length <= 1);
  const address = `http://127.0.0.1:${(real.address() as AddressInfo).port}/v1/chat/completions`;
  assert.deepEqual((await axios.post(address, QUESTION)).data, ANSWER);
  mock.close();
  real.closeAllConnections();
  real.close();
  assert.equal((await recordedCalls()).length, 1);
});
