/**
 * Decorators of `experimentalDecorators`, as TypeScript calls them: with a class or its prototype, a key and a descriptor.
 * The program is compiled here, because a project has either those or the ones of the standard.
 */

import "./home";
import assert from "node:assert/strict";
import { before, test } from "node:test";
import ts from "typescript";
import { begin, calls, taken } from "./taken";

const PROGRAM = `
const llmlab = require("llmlab");
const USAGE = { model: "gpt-4", usage: { prompt_tokens: 1000, completion_tokens: 500 } };
class Service {
  secret = "s";
  @llmlab.trackCost bare() { return this.secret; }
  @llmlab.trackCost({ feature: "ask", provider: "openai" }) async ask(question: string) { return { ...USAGE, question, own: this.secret }; }
  @llmlab.trackCost({ feature: "static", provider: "openai" }) static make() { return { ...USAGE, self: this }; }
  @llmlab.trackCost static alone() { return this; }
  @llmlab.trace step() { return this.secret; }
  @llmlab.trace({ name: "plan", kind: "agent" }) plan() { return this.secret; }
  @llmlab.trackCost get computed() { return this.secret; }
}
exports.Service = Service;
`;

interface Made {
  new (): {
    bare(): string;
    ask(question: string): Promise<{ own: string }>;
    step(): string;
    plan(): string;
    readonly computed: string;
  };
  make(): { self: unknown };
  alone(): unknown;
}

function compiled(): Made {
  const options = { experimentalDecorators: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS };
  const { outputText } = ts.transpileModule(PROGRAM, { compilerOptions: options });
  const exports: { Service?: Made } = {};
  new Function("require", "exports", outputText)(require, exports);
  assert.ok(exports.Service);
  return exports.Service;
}

before(() => begin());

test("methods, static methods and getters are what they were, and tracked", async () => {
  const Service = compiled();
  const service = new Service();
  assert.deepEqual([service.bare(), service.computed, (await service.ask("why")).own], ["s", "s", "s"]);
  assert.ok(Service.make().self === Service && Service.alone() === Service);
  assert.deepEqual((await calls()).map((event) => event.feature).sort(), ["ask", "static"]);
  assert.deepEqual([service.step(), service.plan()], ["s", "s"]);
  assert.deepEqual(
    (await taken()).map((event) => [event.name, event.step_kind]),
    [
      ["step", "function"],
      ["plan", "agent"],
    ],
  );
});
