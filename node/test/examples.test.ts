/** The examples in the documentation of the public names run, each in a module of its own. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { home } from "./home";

const DEADLINE_MS = 60_000;
const SOURCES = join(dirname(require.resolve("llmlab")), "..", "src");
const IMPORTS = `import assert from "node:assert/strict"; import * as llmlab from "llmlab";\n`;
const EXAMPLE = /^ *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm;

const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

for (const name of files) {
  const text = readFileSync(join(SOURCES, name), "utf8");
  for (const match of text.matchAll(EXAMPLE)) {
    const line = text.slice(0, match.index).split("\n").length;
    test(`the example at ${name}:${line}`, () => {
      const example = (match[1] ?? "").replace(/^ *\* ?/gm, "");
      const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
      const { outputText } = ts.transpileModule(IMPORTS + example, { compilerOptions: options });
      const env = { ...process.env, LLMLAB_HOME: join(home, `${name}-${line}`.replaceAll("/", "-")) };
      const words = ["--input-type=module", "--eval", outputText];
      const ended = spawnSync(process.execPath, words, { cwd: SOURCES, env, encoding: "utf8", timeout: DEADLINE_MS });
      assert.deepEqual([ended.status, ended.stderr], [0, ""]);
    });
  }
}
