/** Decorators of the standard; those of `experimentalDecorators` are in legacy.test.ts, which is compiled that way. */

import "./home";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as llmlab from "llmlab";
import { begin, calls, taken } from "./taken";

const USAGE = { model: "gpt-4", usage: { prompt_tokens: 1000, completion_tokens: 500 } };

class Service {
  readonly #secret = "s";

  @llmlab.trackCost
  bare() {
    return [this.#secret, USAGE];
  }

  @llmlab.trackCost({ feature: "ask", provider: "openai" })
  async ask(question: string) {
    return { ...USAGE, question, secret: this.#secret };
  }

  @llmlab.trackCost({ feature: "static", provider: "openai" })
  static make() {
    return { ...USAGE, self: Service.name };
  }

  @llmlab.trackCost({ feature: "field", provider: "openai" })
  field = () => ({ ...USAGE, secret: this.#secret });

  @llmlab.trace
  step() {
    return this.#secret;
  }

  @llmlab.trace({ name: "plan", kind: "agent" })
  plan() {
    return this.#secret;
  }
}

beforeEach(() => begin());

test("methods, static methods and fields are tracked, and keep what they are", async () => {
  const service = new Service();
  assert.equal(service.bare()[0], "s");
  assert.equal((await service.ask("why")).secret, "s");
  assert.equal(Service.make().self, "Service");
  assert.equal(service.field().secret, "s");
  assert.deepEqual([service.ask.name, service.ask.length], ["ask", 1]);
  const features = (await calls()).map((event) => event.feature).sort();
  assert.deepEqual(features, ["ask", "field", "static", null].sort());
});

test("methods are steps, with and without parentheses", async () => {
  const service = new Service();
  assert.deepEqual([service.step(), service.plan()], ["s", "s"]);
  const steps = (await taken()).map((event) => [event.name, event.step_kind]);
  assert.deepEqual(steps, [
    ["step", "function"],
    ["plan", "agent"],
  ]);
});
