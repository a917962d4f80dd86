/** The vectors of the configuration: options, variables and a file. */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import * as llmlab from "llmlab";
import { globalHolder } from "../dist/holder";
import { camelCase } from "../dist/names";
import { native } from "../dist/native";
import { home } from "./home";
import type { Vector } from "./vectors";
import { vectors } from "./vectors";
import { warnings } from "./warnings";

const DEFAULTS: Record<string, unknown> = {
  project: "default",
  sinks: ["ledger"],
  models: {},
  hosts: {},
  stream_usage: "auto",
  durability: "process",
  spool_max_bytes: 256 * 1024 * 1024,
  spool_max_days: 30,
  exit_flush: "auto",
};

afterEach(() => {
  for (const name of Object.keys(process.env).filter((name) => name.startsWith("LLMLAB_"))) {
    delete process.env[name];
  }
});

for (const [index, vector] of vectors("config.jsonl").entries()) {
  test(`the configuration is what the vector says: ${vector.name}`, async () => {
    prepare(join(home, String(index)), vector);
    const said = warnings();
    const options = vector.options && named(vector.options);
    if (vector.error !== undefined) {
      assert.throws(
        () => llmlab.init(options),
        (error) => {
          assert.ok(error instanceof llmlab.ConfigError);
          assert.equal(error.code, vector.error.code);
          const missing = vector.error.says.filter((word: string) => !error.message.includes(word));
          assert.deepEqual(missing, [], error.message);
          assert.ok(!vector.error.hides?.some((secret: string) => error.message.includes(secret)));
          return true;
        },
      );
      return;
    }
    llmlab.init(options);
    llmlab.uninstrument();
    const settings = JSON.parse(globalHolder.client().configuration());
    const changed = Object.entries(settings).filter(([name, value]) => !isDeepStrictEqual(value, DEFAULTS[name]));
    const isElsewhere = changed.some(([name]) => name === "sinks"); // nothing is sent to where the vectors lead
    const event = isElsewhere ? {} : await recorded(join(home, `${index}.jsonl`));
    const warned = (await said()).join("\n");
    assert.equal(warned !== "", vector.warns !== undefined, warned);
    assert.ok(
      (vector.warns ?? []).every((word: string) => warned.includes(word)),
      warned,
    );
    if (vector.expect === null) {
      assert.equal(event, undefined);
      return;
    }
    const tells = ["environment", "service", "run_id", "feature", "user", "session", "tags"];
    const told = Object.entries(event ?? {}).filter(
      ([name, value]) => tells.includes(name) && value !== null && !isDeepStrictEqual(value, {}),
    );
    assert.deepEqual({ project: settings.project, ...Object.fromEntries([...told, ...changed]) }, vector.expect);
  });
}

function prepare(folder: string, { file, variables }: Vector): void {
  mkdirSync(folder);
  if (file !== undefined) {
    writeFileSync(join(folder, "config.json"), file);
  }
  Object.assign(process.env, variables, { LLMLAB_HOME: folder });
}

/** The options of a vector by their names here; those of the backend and of sinks as well. */
function named(options: Record<string, unknown>): llmlab.Options {
  const { backend, ...rest } = options;
  const isObject = typeof backend === "object" && backend !== null;
  const renamed = isObject ? camelCased(backend) : backend;
  return camelCased(backend === undefined ? rest : { ...rest, backend: renamed });
}

function camelCased(members: object): object {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [camelCase(name), value]));
}

/** The event of a call under the configuration in force; `undefined` if there is none. */
async function recorded(file: string): Promise<Record<string, unknown> | undefined> {
  llmlab.trackCall("openai", "gpt-4", { inputTokens: 1, outputTokens: 1 });
  await llmlab.flush({ timeout: 20 });
  native().cli(["llmlab", "export", "--output", file]);
  const [line] = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>);
}
