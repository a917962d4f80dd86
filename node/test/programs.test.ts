/** Every example runs, as its first lines say, against the local stand-in, which counts a token a word. */

import "./home";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { home } from "./home";

const PACKAGE = path.resolve(__dirname, "..");
const EXAMPLES = path.resolve(PACKAGE, "../examples");
const FOLDER = path.join(EXAMPLES, "node");
const ANSWER = "Thank you for writing to us: your parcel left our warehouse this morning and should arrive tomorrow.";

/**
 * What each prints, by the words that it asks: half of them are cached with OpenAI. A word costs `gpt-5-mini` $0.25, cached
 * $0.025, and one of the 17 of an answer $2 a million; `claude-sonnet-4-6` $3 and $15.
 */
const PRINTED: Readonly<Record<string, string>> = {
  "custom_sink.mjs": "support gpt-5-mini 4 17 0.00003455\n",
  "express.mjs": "{ ben: '0.0000685', ann: '0.00003425' }\n",
  "langchain.mjs": "2 calls cost $0.000350075\n",
  "quickstart.mjs": "2 calls cost $0.0000696\n0.35 USD for a big one\n",
  "streaming.mjs": `${ANSWER} \n$0.00003455\n${ANSWER} \n$0.000267\n`,
  "vercel_ai.mjs": `${ANSWER}\n${ANSWER} \n2 calls cost $0.000069375\n`,
};

before(() => {
  // As after `npm install` in that folder.
  link(path.join(PACKAGE, "node_modules"), path.join(FOLDER, "node_modules"));
  link(PACKAGE, path.join(PACKAGE, "node_modules/llmlab"));
});

function link(target: string, place: string): void {
  if (!existsSync(place)) {
    symlinkSync(path.relative(path.dirname(place), target), place, "dir");
  }
}

for (const [example, printed] of Object.entries(PRINTED)) {
  test(`${example} prints what its calls cost`, async () => {
    const file = path.join(FOLDER, example);
    const command = [path.join(EXAMPLES, "stand_in.py"), process.execPath, file];
    const env = { ...process.env, LLMLAB_HOME: path.join(home, example), NO_COLOR: "1" };
    const { stdout } = await promisify(execFile)("python3", command, { env, timeout: 120_000 });
    assert.equal(stdout, printed);
    assert.match(
      readFileSync(file, "utf8"),
      new RegExp(`^// python3 examples/stand_in.py node examples/node/${example}$`, "m"),
    );
  });
}

test("the snippet of the first page prints what its call costs", async () => {
  const page = readFileSync(path.join(EXAMPLES, "../README.md"), "utf8");
  const program = /```js\n(.*?)```/s.exec(page)?.[1] ?? "";
  const words = [path.join(EXAMPLES, "stand_in.py"), process.execPath, "--input-type=module", "--eval", program];
  const env = { ...process.env, LLMLAB_HOME: path.join(home, "page"), NO_COLOR: "1" };
  const { stdout } = await promisify(execFile)("python3", words, { cwd: FOLDER, env, timeout: 120_000 });
  assert.equal(stdout, "1 0.00003455\n");
});

test("every example is run and listed", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".mjs"));
  assert.deepEqual(files.sort(), Object.keys(PRINTED).sort());
  const listed = readFileSync(path.join(EXAMPLES, "README.md"), "utf8");
  assert.deepEqual(
    files.filter((name) => !listed.includes(`node/${name}`)),
    [],
  );
});
