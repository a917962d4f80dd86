// Taps this process for `llmlab run`, and leaves no other trace.
//
// `llmlab run` puts this file first in NODE_OPTIONS, so that Node requires it at the start of every process and of every
// worker thread. A failure of ours never stops the program. Any Node may start under the command, also one too old for
// llmlab: the syntax is that of Node 8, which was the first to read NODE_OPTIONS.
"use strict";

const fs = require("fs");
const path = require("path");

const OLDEST = 18;

// They call no model: they start programs that may, as processes of their own.
const PACKAGE_MANAGER = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)(-cli)?(-[\d.]+)?(\.[cm]?js)?$/;

const script = process.argv[1];

function tap() {
  if (parseInt(process.versions.node, 10) < OLDEST) {
    return untapped(`is run by Node ${process.versions.node}, too old for llmlab; use Node ${OLDEST} or newer`);
  }
  const register = find();
  if (register === undefined) {
    return untapped("cannot import llmlab; run: npm install llmlab");
  }
  try {
    require(register);
  } catch (error) {
    const cause = String((error && error.message) || error).replace(/\s+/g, " ");
    return untapped(`cannot use llmlab (${cause}); run: npm install --force llmlab`);
  }
  note("tapped-node");
}

// The package that the program itself would import; else the one that the command came with, if it came with one.
function find() {
  const folders = [process.cwd()];
  if (script !== undefined) {
    folders.unshift(path.dirname(actual(script)));
  }
  for (const folder of folders) {
    try {
      return require.resolve("llmlab/register", { paths: [folder] });
    } catch (_) {
      // Not there.
    }
  }
  const own = process.env.LLMLAB_RUN_PACKAGE;
  return own ? path.join(own, "dist", "register.js") : undefined;
}

function actual(file) {
  try {
    return fs.realpathSync(file);
  } catch (_) {
    return file;
  }
}

function untapped(what) {
  const program = script === undefined ? process.execPath : script;
  if (note("untapped", program)) {
    fs.writeSync(2, `llmlab: ${program} ${what}\n`);
  }
}

// Leaves a word for `llmlab run`; false if another process of the run left it before.
function note(name, word) {
  const folder = process.env.LLMLAB_RUN_NOTES;
  if (!folder) {
    return true;
  }
  try {
    fs.writeFileSync(path.join(folder, name), word || "", { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    return error.code !== "EEXIST";
  }
}

if (!PACKAGE_MANAGER.test(path.basename(script || ""))) {
  try {
    tap();
  } catch (_) {
    // No standard error, nobody to tell.
  }
}
