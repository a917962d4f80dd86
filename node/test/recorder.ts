/** The global client of a test's process, and what it recorded. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native } from "../dist/native";
import { home } from "./home";

/** A call as the export tells it. */
export interface RecordedCall {
  status: string;
  error_type: string | null;
  provider: string | null;
  model: string | null;
  model_requested: string | null;
  operation: string;
  stream: boolean;
  attempt: number;
  usage: Record<string, number>;
  cost_usd: number | null;
  feature: string | null;
}

const path = join(home, "events.jsonl");
const client = new (native().Client)(JSON.stringify({ sinks: [`jsonl:${path}`] }), [], null);
client.becomeGlobal();

let told = 0;

/** The calls that were recorded since the last time. */
export async function recordedCalls(): Promise<RecordedCall[]> {
  await client.flush(10);
  let lines: string[] = [];
  try {
    lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    // Nothing was recorded yet.
  }
  const fresh = lines.slice(told);
  told = lines.length;
  return fresh.map((line) => JSON.parse(line));
}

/** The one call that was recorded, once it was; what nobody reads to its end is recorded when it is collected. */
export async function theCall(): Promise<RecordedCall> {
  const deadline = Date.now() + 10_000;
  setFlagsFromString("--expose-gc");
  for (;;) {
    const calls = await recordedCalls();
    if (calls.length > 0 || Date.now() > deadline) {
      assert.equal(calls.length, 1);
      return calls[0] as RecordedCall;
    }
    runInNewContext("gc")();
    await new Promise(setImmediate);
  }
}

/** What a run sees without the tap, it must see with it. Gives the calls that were recorded then, and how they went. */
export async function recordedAlike(run: () => Promise<unknown>, tap: () => void) {
  const bare = await run();
  assert.deepEqual(await recordedCalls(), []);
  tap();
  assert.deepEqual(await run(), bare);
  const calls = await recordedCalls();
  const word = ({ status, error_type }: RecordedCall) => (error_type === null ? status : `${status} ${error_type}`);
  return { calls, told: calls.map(word) };
}
