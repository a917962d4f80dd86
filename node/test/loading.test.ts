/** What an import costs, and what happens where the addon cannot be loaded. */

import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { absent } from "../dist/absent";
import { isDisabled } from "../dist/instrument";
import { native } from "../dist/native";
import { platformPackage } from "../dist/platform";
import { Folder, PACKAGE, type Ran } from "./program";

const ADDON = join(PACKAGE, "native", "llmlab.node");

/** Everything that a program may ask for, and what it was told. */
const PROGRAM = `
  const llmlab = require("llmlab");
  const once = (value) => value + 1;
  (async () => {
    llmlab.init({ project: "shop" });
    new llmlab.LLMLab({ project: "other" }).trackCall("openai", "gpt-4", { inputTokens: 1 });
    llmlab.trackCall("openai", "gpt-4", { inputTokens: 1, usage: { cacheRead: 1 } });
    llmlab.setPrice("openai", "own", { input: 1, output: 2 });
    llmlab.recordResponse({ model: "gpt-4", usage: { prompt_tokens: 1, completion_tokens: 1 } }, { provider: "openai" });
    const told = [
      llmlab.trackCost(once, { feature: "chat" })(1),
      llmlab.trace(once)(1),
      llmlab.track({ feature: "chat" }, (scope) => scope.calls),
      llmlab.cost("openai", "gpt-4", { inputTokens: 1 }).total,
      (await llmlab.flush()).pending,
      await llmlab.summary().catch((error) => error.code),
      llmlab.stats().recorded,
      await fetch("data:,fetched").then((response) => response.text()),
    ];
    console.log(JSON.stringify(told));
  })();`;
const TOLD = `${JSON.stringify([2, 2, 0, null, 0, "no_native", 0, "fetched"])}\n`;

/** An installed package that has no addon of its own, with the packages of platforms beside it. */
function installed(folder: Folder, platforms: Record<string, string>): string {
  const target = join(folder.path, "app", "node_modules", "llmlab");
  const withoutAddon = (file: string): boolean => !/(node_modules|native|test|\.build|src)$/.test(file);
  cpSync(PACKAGE, target, { recursive: true, filter: withoutAddon });
  const manifest = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as Record<string, unknown>;
  const optionalDependencies = { [platformPackage()]: manifest.version };
  writeFileSync(join(target, "package.json"), JSON.stringify({ ...manifest, optionalDependencies }));
  for (const [name, program] of Object.entries(platforms)) {
    folder.write(`app/node_modules/${name}/index.js`, program);
  }
  return folder.write("app/app.cjs", PROGRAM);
}

async function ranWith(context: TestContext, platforms: Record<string, string>): Promise<Ran> {
  const folder = new Folder(context);
  const ran = await folder.run(["--no-deprecation", installed(folder, platforms)]);
  assert.ok(!existsSync(folder.home) || Object.keys(platforms).length > 0);
  return ran;
}

function assertAbsent(ran: Ran, cause: RegExp): void {
  assert.equal(ran.stdout, TOLD, ran.stderr);
  assert.equal(ran.code, 0);
  const warnings = ran.stderr.match(/LlmlabWarning: .*/g) ?? [];
  assert.equal(warnings.length, 1, ran.stderr);
  assert.match(warnings[0] ?? "", /LlmlabWarning: llmlab has no native part here, so nothing is recorded: /);
  assert.match(warnings[0] ?? "", cause);
}

test("the addon of the platform's package is found by its name", async (context) => {
  const folder = new Folder(context);
  const file = installed(folder, { [platformPackage()]: `module.exports = require(${JSON.stringify(ADDON)});` });
  writeFileSync(file, 'require("llmlab").trackCall("openai", "gpt-4", { inputTokens: 1 })');
  assert.deepEqual(await folder.run([file]), { code: 0, signal: null, stdout: "", stderr: "" });
  assert.equal(folder.calls().length, 1);
});

test("without the platform's package everything is a no-op, and one warning says how to get it", async (context) => {
  const ran = await ranWith(context, {});
  assertAbsent(ran, new RegExp(`${platformPackage()} is not installed; run: npm install --include=optional llmlab@`));
});

test("an addon that the system cannot load is as good as none", async (context) => {
  assertAbsent(
    await ranWith(context, { [platformPackage()]: 'throw new Error("GLIBC_2.99 not found\\nRequire stack:");' }),
    /Error: GLIBC_2.99 not found; run: npm install/,
  );
});

test("an addon of another version is not used", async (context) => {
  assertAbsent(
    await ranWith(context, { [platformPackage()]: 'exports.VERSION = "0.0.9";' }),
    /is of version 0\.0\.9, llmlab of \d/,
  );
});

test("in an ES module that a bundler made, which has no folder, the platform's package is looked for", async (context) => {
  const folder = new Folder(context);
  const file = installed(folder, {});
  const loader = join(folder.path, "app", "node_modules", "llmlab", "dist", "addon.js");
  // What stands alone in a bundle's scope is not defined there; here it is defined as nothing.
  writeFileSync(
    loader,
    readFileSync(loader, "utf8").replace('"use strict";', '"use strict"; { var __dirname = void 0; }'),
  );
  assertAbsent(await folder.run(["--no-deprecation", file]), /is not installed; run: npm install/);
});

test("a platform for which there is no addon is named", async (context) => {
  const folder = new Folder(context);
  const file = installed(folder, {});
  const preload = folder.write("plan9.cjs", 'Object.defineProperty(process, "platform", { value: "plan9" });');
  assertAbsent(await folder.run(["--require", preload, file]), /it is not built for plan9-/);
});

test("the platform's package has the name that napi-rs gives it", () => {
  const names: Record<string, RegExp> = {
    linux: /^@llmlab\/linux-(x64|arm64)-(gnu|musl)$/,
    darwin: /^@llmlab\/darwin-(x64|arm64)$/,
    win32: /^@llmlab\/win32-(x64|arm64)-msvc$/,
  };
  assert.match(platformPackage(), names[process.platform] ?? /^@llmlab\//);
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  assert.equal(platformPackage().endsWith("-gnu"), report.header.glibcVersionRuntime !== undefined);
});

test("an import loads no addon, opens no file but modules, and leaves no handle", async (context) => {
  const folder = new Folder(context);
  const program = `
    const fs = require("node:fs");
    const opened = [];
    for (const name of ["openSync", "readFileSync", "writeFileSync", "mkdirSync", "existsSync"]) {
      const call = fs[name];
      fs[name] = (file, ...rest) => { opened.push(String(file)); return call(file, ...rest); };
    }
    const dlopen = process.dlopen;
    process.dlopen = (...given) => { opened.push("addon"); return dlopen.apply(process, given); };
    require("llmlab");
    require("llmlab/register");
    // Modules of Node's own look whether the standard error is a terminal.
    const handles = process.getActiveResourcesInfo().filter((kind) => kind !== "PipeWrap");
    console.log(opened.filter((file) => !/\\.(c?js|json)$/.test(file)).length, handles.length);`;
  assert.equal(await folder.well(program), "0 0\n");
  assert.ok(!existsSync(folder.home));
});

test("what disables is read as the addon reads it", () => {
  const before = process.env.LLMLAB_DISABLED;
  for (const given of ["", "0", "1", "false", "False", " no ", "off", "yes", "true", "x"]) {
    process.env.LLMLAB_DISABLED = given;
    assert.equal(isDisabled(), native().isDisabled(), JSON.stringify(given));
  }
  if (before === undefined) {
    delete process.env.LLMLAB_DISABLED;
  } else {
    process.env.LLMLAB_DISABLED = before;
  }
});

test("where nothing is recorded, everything that the addon has is there", () => {
  const members = (thing: object): string[] => Object.getOwnPropertyNames(thing).sort();
  const { Client } = native();
  const real = members(native()).filter((name) => !["Exchange", "Scope", "enter"].includes(name));
  assert.deepEqual(members(absent), real);
  assert.deepEqual(absent.dimensions(), native().dimensions());
  assert.deepEqual(absent.operations(), native().operations());
  const methods = members(Client.prototype).filter((name) => name !== "problem");
  assert.deepEqual(members(absent.Client.prototype), methods);
});
