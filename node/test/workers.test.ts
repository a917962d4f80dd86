/** Worker threads, forks and contexts: one spool, and nothing lost however they end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backend } from "./backend";
import { Folder } from "./program";

const WORKERS = 50;
const RECORD = `
  const llmlab = require("llmlab");
  for (let n = 0; n < 10; n += 1) llmlab.trackCall("openai", "gpt-4", { inputTokens: 1, outputTokens: 1 });`;

/** A program that never loads llmlab itself, so that every addon goes with its worker. */
const POOL = `
  const { Worker } = require("node:worker_threads");
  let left = ${WORKERS};
  for (let n = 0; n < ${WORKERS}; n += 1) {
    const worker = new Worker("./worker.cjs");
    worker.on("message", () => worker.terminate());
    worker.on("error", () => {});
    worker.on("exit", () => { left -= 1; if (left === 0) setImmediate(() => console.log("done")); });
  }`;
const READY = "require('node:worker_threads').parentPort.postMessage('ready'); setInterval(() => {}, 1000);";

const ENDS: Record<string, string> = {
  "the last line": "",
  "process.exit": "process.exit(3)",
  "an error": "throw new Error('boom')",
  "worker.terminate": READY,
};

for (const [end, last] of Object.entries(ENDS)) {
  test(`fifty workers that end by ${end} lose nothing, and the last one delivers`, async (context) => {
    const folder = new Folder(context);
    const backend = new Backend();
    folder.write("worker.cjs", RECORD + last);
    // As in a container, whose disk dies with it: an exit that gives the backend a second.
    const variables = { LLMLAB_BACKEND: await backend.listen(context), LLMLAB_EXIT_FLUSH: "20000" };
    assert.equal(await folder.well(POOL, variables), "done\n");
    assert.equal(folder.calls().length, 10 * WORKERS);
    assert.equal(backend.events.size, 10 * WORKERS);
  });
}

test("workers that live when the process exits lose nothing", async (context) => {
  const folder = new Folder(context);
  folder.write("worker.cjs", RECORD + READY);
  const program = `
    const { Worker } = require("node:worker_threads");
    let ready = 0;
    for (let n = 0; n < 5; n += 1) {
      new Worker("./worker.cjs").on("message", () => { ready += 1; if (ready === 5) process.exit(); });
    }`;
  await folder.well(program);
  assert.equal(folder.calls().length, 50);
});

test("a worker that ends leaves the client of the others as it was", async (context) => {
  const folder = new Folder(context);
  folder.write("worker.cjs", RECORD);
  const program = `
    const { Worker } = require("node:worker_threads");
    ${RECORD}
    new Worker("./worker.cjs").on("exit", () => {
      llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });
      console.log(llmlab.stats().recorded);
    });`;
  assert.equal(await folder.well(program), "21\n");
  assert.equal(folder.calls().length, 21);
});

test("processes of a cluster and forks have clients of their own", async (context) => {
  const folder = new Folder(context);
  folder.write("child.cjs", RECORD);
  const program = `
    const cluster = require("node:cluster");
    const { fork } = require("node:child_process");
    ${RECORD}
    if (cluster.isPrimary) {
      cluster.fork(); cluster.fork(); fork("./child.cjs");
    } else {
      cluster.worker.disconnect();
    }`;
  await folder.well(program);
  assert.equal(folder.calls().length, 40);
});

test("a program may load it in a context of its own", async (context) => {
  const folder = new Folder(context);
  const program = `
    const vm = require("node:vm");
    const run = vm.runInContext("(require) => { " + ${JSON.stringify(RECORD)} + " }", vm.createContext({}));
    run(require);
    run(require);`;
  await folder.well(program);
  assert.equal(folder.calls().length, 20);
});
