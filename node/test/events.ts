/** What was recorded, as `llmlab export` tells it. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { native } from "../dist/native";
import { home } from "./home";

/** A call of docs/events.md, as far as tests look at it. */
export interface CallEvent {
  readonly kind: string;
  readonly id: string;
  readonly ts: string;
  readonly feature: string | null;
  readonly project: string;
  readonly user: string | null;
  readonly session: string | null;
  readonly provider: string | null;
  readonly operation: string;
  readonly model: string | null;
  readonly model_requested: string | null;
  readonly status: string;
  readonly stream: boolean;
  readonly usage: Record<string, number>;
  readonly service_tier: string | null;
  readonly cost_usd: number | null;
  readonly cost_state: string;
  readonly cost_source: string;
  readonly provider_cost_usd: number | null;
  readonly calls: number;
  readonly failed_attempts: number;
  readonly attempt: number;
  readonly span_id: string;
  readonly parent_id: string | null;
}

/** Every call in the home of this process. */
export function calls(): CallEvent[] {
  return events().filter(({ kind }) => kind === "call");
}

/** Every event, steps included. */
export function events(): CallEvent[] {
  const file = path.join(home, "export.jsonl");
  const code = native().cli(["llmlab", "export", "--output", file]);
  if (code !== 0) {
    throw new Error(`llmlab export ended with ${code}`);
  }
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as CallEvent);
}
