/** One instance, whatever loads it: ES modules, CommonJS, TypeScript of every kind, two copies. */

import assert from "node:assert/strict";
import { cpSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { silent } from "./backend";
import { Folder, PACKAGE } from "./program";

test("ES modules and CommonJS see the same names, and the same things behind them", async (context) => {
  const folder = new Folder(context);
  folder.write(
    "app.mjs",
    `import { createRequire } from "node:module";
     import * as esm from "llmlab";
     const cjs = createRequire(import.meta.url)("llmlab");
     const differing = Object.keys(cjs).filter((name) => esm[name] !== cjs[name]);
     // What some versions of Node add.
     const names = Object.keys(esm).filter((name) => !["__esModule", "module.exports"].includes(name));
     console.log(names.length > 20, names.sort().join() === Object.keys(cjs).sort().join() || names, differing);`,
  );
  assert.equal((await folder.run(["app.mjs"])).stdout, "true true []\n");
});

const KINDS: Record<string, [options: object, file: string]> = {
  "ES modules, node16": [{ module: "node16", moduleResolution: "node16" }, "app.mts"],
  "CommonJS, node16": [{ module: "node16", moduleResolution: "node16" }, "app.cts"],
  "ES modules, bundler": [{ module: "esnext", moduleResolution: "bundler" }, "app.ts"],
  "CommonJS, node10": [{ module: "commonjs", moduleResolution: "node10" }, "app.ts"],
};

for (const [kind, [options, file]] of Object.entries(KINDS)) {
  test(`TypeScript compiles a program of ${kind}`, async (context) => {
    const folder = new Folder(context);
    folder.write(
      file,
      `import "llmlab/register";
       import { instrument, trackCall, cost, trackCost, type FlushReport } from "llmlab";
       import * as llmlab from "llmlab";
       instrument();
       trackCall("openai", "gpt-4", { inputTokens: 1 });
       const total: string | null = cost("openai", "gpt-4", { inputTokens: 1 }).total;
       const twice: (n: number) => number = trackCost((n: number) => 2 * n, { feature: "chat" });
       const report: Promise<FlushReport> = llmlab.flush({ timeout: 1 });
       // @ts-expect-error there is no such function: a package without types would let it pass
       llmlab.nothing();
       void [total, twice, report];`,
    );
    const compilerOptions = { noEmit: true, strict: true, target: "es2022", ...options };
    folder.write("tsconfig.json", JSON.stringify({ compilerOptions, files: [file] }));
    symlinkSync(join(PACKAGE, "node_modules", "@types"), join(folder.path, "node_modules", "@types"), "junction");
    assert.equal((await folder.run([require.resolve("typescript/bin/tsc")])).stdout, "");
  });
}

test("two copies of the package count a request once, in the scope that surrounds it", async (context) => {
  const folder = new Folder(context);
  const provider = await silent(context);
  const copy = join(folder.path, "other", "node_modules", "llmlab");
  cpSync(PACKAGE, copy, { recursive: true, filter: (file) => !/(node_modules|native|test|\.build|src)$/.test(file) });
  symlinkSync(join(PACKAGE, "native"), join(copy, "native"), "junction");
  folder.write("other/lab.cjs", 'module.exports = require("llmlab");');
  const program = `
    const one = require("llmlab");
    const other = require("./other/lab.cjs");
    if (one.track === other.track) throw new Error("it is no copy");
    one.init({ hosts: { "127.0.0.1": "openai" } });
    one.instrument();
    other.instrument();
    const ask = () => fetch("${provider}/v1/chat/completions", {
      method: "POST", body: '{"model":"gpt-4","messages":[]}', signal: AbortSignal.timeout(1),
    }).catch(() => {});
    Promise.all([one.track({ feature: "one" }, ask), other.track({ feature: "other" }, ask), ask()]);`;
  await folder.well(program);
  assert.deepEqual(
    folder
      .calls()
      .map((call) => call.feature ?? null)
      .sort(),
    [null, "one", "other"],
  );
  assert.equal(dirname(copy).endsWith("node_modules"), true);
});
