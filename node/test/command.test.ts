/** The `llmlab` command of the package, and what it runs. */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { COMMAND, ended, Folder, PACKAGE } from "./program";

const ANSWER =
  '{"model":"gpt-4","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}';

async function ask(context: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.setHeader("content-type", "application/json").end(ANSWER));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
  return `const answer = await fetch("${url}", { method: "POST", body: '{"model":"gpt-4","messages":[]}' });
    console.log((await answer.json()).usage.total_tokens);`;
}

const HOSTS = { LLMLAB_HOSTS: "127.0.0.1=openai" };
const RECEIPT = "llmlab  1 call · $0.0600 · openai/gpt-4 $0.0600     (llmlab status)\n";

test("the command prices a call", async (context) => {
  const folder = new Folder(context);
  const ran = await folder.run([COMMAND, "price", "gpt-4", "--input", "1000", "--output", "500", "--json"]);
  assert.deepEqual([ran.code, ran.stderr], [0, ""]);
  assert.match(ran.stdout, /0\.06\b/);
});

test("its exit codes and its output are those of the command anywhere", async (context) => {
  const folder = new Folder(context);
  const wrong = await folder.run([COMMAND, "nope"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /unrecognized subcommand 'nope'/);
  assert.equal(
    (await folder.run([COMMAND, "--version"])).stdout,
    `llmlab ${require(`${PACKAGE}/package.json`).version}\n`,
  );
  assert.equal((await folder.run([COMMAND, "run", process.execPath, "-e", "process.exit(7)"])).code, 7);
});

test("llmlab run counts the calls of a program that knows nothing of it", async (context) => {
  const folder = new Folder(context);
  folder.write("app.mjs", await ask(context));
  const ran = await folder.run([COMMAND, "run", "--feature", "chat", process.execPath, "app.mjs"], HOSTS);
  assert.deepEqual(ran, { code: 0, signal: null, stdout: "1500\n", stderr: RECEIPT });
  assert.deepEqual(
    folder.calls().map((call) => call.feature),
    ["chat"],
  );
});

test("a program without llmlab is tapped by that of the command", async (context) => {
  const folder = new Folder(context);
  rmSync(join(folder.path, "node_modules"), { recursive: true });
  folder.write("app.mjs", await ask(context));
  const ran = await folder.run([COMMAND, "run", process.execPath, "app.mjs"], HOSTS);
  assert.deepEqual(ran, { code: 0, signal: null, stdout: "1500\n", stderr: RECEIPT });
});

test("the calls of a worker of a program under llmlab run are counted", async (context) => {
  const folder = new Folder(context);
  folder.write("ask.mjs", await ask(context));
  folder.write("app.mjs", 'import { Worker } from "node:worker_threads"; new Worker("./ask.mjs");');
  const ran = await folder.run([COMMAND, "run", process.execPath, "app.mjs"], HOSTS);
  assert.deepEqual(ran, { code: 0, signal: null, stdout: "1500\n", stderr: RECEIPT });
});

test("SIGUSR1 to the command reaches the program, and starts no debugger of the command's own", {
  skip: process.platform === "win32",
}, async (context) => {
  const folder = new Folder(context);
  folder.write(
    "app.cjs",
    'process.on("SIGUSR1", () => process.exit(7)); setInterval(() => {}, 1000); console.log(".");',
  );
  const child = folder.start([COMMAND, "run", "--quiet", process.execPath, "app.cjs"], {}, { detached: true });
  child.stdout?.once("data", () => child.kill("SIGUSR1"));
  assert.deepEqual(await ended(child), { code: 7, signal: null, stdout: ".\n", stderr: "" });
});

/** A program that ends with 6 and how many signals it got, once it was told to end. */
const COUNTS = `
  let signals = 0;
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => { signals += 1; process.stdout.write("!"); });
  process.on("SIGUSR2", () => process.exit(6 + signals));
  process.stdout.write(".");
  setInterval(() => {}, 1000);`;

const SIGNALS: Record<string, (command: number) => void> = {
  "SIGTERM to the command": (command) => process.kill(command, "SIGTERM"),
  "SIGINT to the command": (command) => process.kill(command, "SIGINT"),
};

for (const [signal, send] of Object.entries(SIGNALS)) {
  test(`${signal} reaches the program once, and the command waits`, {
    skip: process.platform === "win32",
  }, async (context) => {
    const folder = new Folder(context);
    folder.write("app.cjs", COUNTS);
    const child = folder.start([COMMAND, "run", "--quiet", process.execPath, "app.cjs"], {}, { detached: true });
    assert.ok(child.stdout && child.pid);
    const { pid } = child;
    // What the command hands on of the first signal it hands on before the second.
    child.stdout.once("data", () => {
      send(pid);
      child.stdout?.once("data", () => process.kill(pid, "SIGUSR2"));
    });
    assert.deepEqual(await ended(child), { code: 7, signal: null, stdout: ".!", stderr: "" });
  });
}
