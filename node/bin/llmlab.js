#!/usr/bin/env node
// The `llmlab` command: the program of cargo and pip, out of the addon.

const { dirname } = require("node:path");
const { native } = require("../dist/native");

const words = process.argv.slice(2);

if (words.find((word) => !word.startsWith("-")) === "run") {
  // Node would end this process at Ctrl-C, which is for the program that it runs. A listener takes that away, and is never
  // called: the command keeps this thread, and hands signals on itself. At SIGUSR1 it would start a debugger of its own.
  for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"]) {
    process.on(signal, () => {});
  }
  // For Node programs that have no llmlab of their own.
  process.env.LLMLAB_RUN_PACKAGE = dirname(__dirname);
}
process.exitCode = native().cli(["llmlab", ...words]);
