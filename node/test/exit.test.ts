/**
 * Every way in which a program ends, with every kind of backend: it ends as it would have, and nothing is lost.
 *
 * Sabotages that turn these red: an exit listener that throws or prints; an exit that waits for the back-off of the
 * backend; a record that returns before its frame is written; a signal handler or a referenced handle of our own.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Backend, refused, silent } from "./backend";
import { ended, Folder } from "./program";

const RECORDS = 10;
const PRELUDE = 'const llmlab = require("llmlab"); llmlab.init();\n';
/** In its place, a program that has never heard of it, and has a listener as well. */
const WITHOUT =
  'const llmlab = { trackCall() {}, stats() {}, flush: async () => ({}) }; process.on("exit", () => {});\n';
const PROGRAM = `for (let n = 0; n < ${RECORDS}; n += 1) llmlab.trackCall("openai", "gpt-4", { inputTokens: 1, outputTokens: 1 });\n`;
const FOR_EVER = "setInterval(() => {}, 1000);";

const ENDS: Record<string, string> = {
  "the last line": "",
  "process.exit": "process.exit(3)",
  "process.exitCode": "process.exitCode = 4",
  "an error": "throw new Error('boom')",
  "a rejection that nobody handles": "Promise.reject(new Error('boom'))",
  "work in beforeExit": "process.once('beforeExit', () => setTimeout(() => console.log('done'), 1))",
  "an exit listener that asks": "process.on('exit', () => llmlab.stats())",
  "an error in an exit listener": "process.on('exit', () => { throw new Error('boom'); })",
  "process.reallyExit": "process.reallyExit(5)",
  "a flush that nobody waits for": "void llmlab.flush()",
  SIGTERM: `process.kill(process.pid, "SIGTERM"); ${FOR_EVER}`,
  SIGINT: `process.kill(process.pid, "SIGINT"); ${FOR_EVER}`,
  SIGKILL: `process.kill(process.pid, "SIGKILL"); ${FOR_EVER}`,
  "SIGTERM, handled": `process.on("SIGTERM", () => process.exit(7)); process.kill(process.pid, "SIGTERM"); ${FOR_EVER}`,
};

for (const [end, last] of Object.entries(ENDS)) {
  test(`a program that ends by ${end} ends as it would have and loses nothing`, async (context) => {
    const plainly = new Folder(context);
    plainly.write("app.cjs", WITHOUT + PROGRAM + last);
    const plain = await plainly.run(["app.cjs"]);
    for (const backend of [await new Backend().listen(context), await refused(), await silent(context)]) {
      const folder = new Folder(context);
      folder.write("app.cjs", PRELUDE + PROGRAM + last);
      const ran = await folder.run(["app.cjs"], { LLMLAB_BACKEND: backend });
      const shown = (text: string): string => text.replaceAll(folder.path, plainly.path);
      assert.deepEqual({ ...ran, stdout: shown(ran.stdout), stderr: shown(ran.stderr) }, plain);
      assert.equal(folder.calls().length, RECORDS);
    }
  });
}

test("what an exit left is delivered by the next program", async (context) => {
  const folder = new Folder(context);
  const backend = new Backend();
  const variables = { LLMLAB_BACKEND: await backend.listen(context) };
  for (const end of ["", "process.exit(0)", "process.reallyExit(0)"]) {
    await folder.well(PRELUDE + PROGRAM + end, variables);
  }
  await folder.well(`${PRELUDE}${PROGRAM}llmlab.flush({ timeout: 20 }).then(() => process.reallyExit(0))`, variables);
  assert.equal(backend.events.size, 4 * RECORDS);
});

test("an exchange that is under way at the exit is recorded", async (context) => {
  const provider = await silent(context);
  for (const end of ["process.exit(0)", "throw new Error('boom')"]) {
    const folder = new Folder(context);
    folder.write(
      "app.cjs",
      `const llmlab = require("llmlab");
       llmlab.init({ hosts: { "127.0.0.1": "openai" } });
       fetch("${provider}/v1/chat/completions", { method: "POST", body: '{"model":"gpt-4","messages":[]}' }).catch(() => {});
       setTimeout(() => { ${end} }, 1);`,
    );
    await folder.run(["app.cjs"]);
    assert.deepEqual(
      folder.calls().map(({ model, status }) => [model, status]),
      [["gpt-4", "aborted"]],
      end,
    );
  }
});

test("a program without records has no listener and makes no file", async (context) => {
  const folder = new Folder(context);
  const program = `const count = () => console.log(process.listenerCount("exit"), process.getMaxListeners());
    require("llmlab"); count(); require("llmlab/register"); count();`;
  assert.equal(await folder.well(program), "0 10\n0 10\n");
  assert.ok(!existsSync(folder.home));
});

test("the listeners of the program stay within Node's limit, however many clients there are", async (context) => {
  const folder = new Folder(context);
  const program = `const { LLMLab } = require("llmlab");
    for (let n = 0; n < 50; n += 1) {
      const sinks = n % 2 ? ["ledger", () => {}] : null;
      new LLMLab({ project: "p" + n, sinks }).trackCall("openai", "gpt-4", { inputTokens: 1 });
    }
    for (let n = 0; n < 10; n += 1) process.on("exit", () => {});
    console.log(["SIGTERM", "SIGINT", "SIGHUP", "uncaughtException", "beforeExit"].map((name) => process.listenerCount(name)).join());`;
  assert.equal(await folder.well(program), "0,0,0,0,1\n");
  assert.equal(folder.calls().length, 50);
});

test("a signal of the outside ends it as ever", async (context) => {
  const backend = await silent(context);
  for (const signal of ["SIGTERM", "SIGHUP", "SIGKILL"] as const) {
    const folder = new Folder(context);
    folder.write("app.cjs", `${PRELUDE}${PROGRAM}process.stdout.write("."); ${FOR_EVER}`);
    const child = folder.start(["app.cjs"], { LLMLAB_BACKEND: backend });
    const ran = ended(child);
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    child.kill(signal);
    assert.deepEqual(await ran, { code: null, signal, stdout: ".", stderr: "" });
    assert.equal(folder.calls().length, RECORDS);
  }
});
