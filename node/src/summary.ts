/** Questions asked of the ledger. */

import { optionalMoment, optionalText, strictOptions } from "./arguments";
import type { CostState } from "./cost";
import { errorOf, LlmlabError } from "./errors";
import { shown } from "./guard";
import type { Holder } from "./holder";
import { camelCase, snakeCase } from "./names";
import type { NativeSummary, NativeTotals } from "./native";
import type { UsageCounts } from "./usage";
import { namedCounts } from "./usage";

/** Options of `summary`. */
export interface SummaryOptions {
  /** From when on, inclusive. A `Date`, or RFC 3339 text. */
  since?: Date | string | null | undefined;
  /** Until when, exclusive. */
  until?: Date | string | null | undefined;
  /**
   * One or more of `project`, `provider`, `model`, `feature`, `costState`, `day`, `hour`; also, slower, of `user`,
   * `session`, `runId`, `environment`, `service`.
   *
   * @defaultValue []
   */
  groupBy?: string | readonly string[] | null | undefined;
  /** One project only. */
  project?: string | null | undefined;
  /** One run of `llmlab run` only. */
  runId?: string | null | undefined;
}

/** Sums over calls. */
export interface Totals {
  /** Calls that were made. */
  readonly calls: number;
  /** Attempts that failed and were repeated. */
  readonly failedAttempts: number;
  /** Calls whose cost is that on the invoice. */
  readonly priced: number;
  /** Calls whose cost is a lower bound or a guess. */
  readonly estimated: number;
  /** Calls whose cost is not known. */
  readonly unpriced: number;
  /** US dollars: a lower bound where `costState` is `unpriced`, and `null` where nothing has a price. */
  readonly costUsd: string | null;
  /** The same as the nearest number. */
  readonly costUsdNumber: number | null;
  /** The state of the most doubtful part. */
  readonly costState: CostState;
  /** The sum of each dimension that was reported at all. */
  readonly usage: UsageCounts;
}

/** The part of a summary whose calls share a key. */
export interface Group {
  /** By the words of `groupBy`; `null` is unknown. */
  readonly key: Readonly<Record<string, string | null>>;
  /** Its sums. */
  readonly totals: Totals;
}

/** What was spent. */
export interface Summary {
  /** Sums over everything that was asked for. */
  readonly totals: Totals;
  /** The same by key, the highest cost first. */
  readonly groups: readonly Group[];
  /**
   * Set where `llmlab prune` removed what the question needs: before it, users, sessions, environments and services are
   * `null`, hours are counted whole, and a run lacks what began earlier.
   */
  readonly detailSince: string | null;
}

/** What was spent, by all processes that share the ledger. */
export async function summaryOf(holder: Holder, options: SummaryOptions | null | undefined): Promise<Summary> {
  const asked = strictOptions(options);
  const question = [
    optionalMoment("since", asked.since),
    optionalMoment("until", asked.until),
    axes(asked.groupBy ?? []),
    optionalText("project", asked.project),
    optionalText("runId", asked.runId),
  ] as const;
  await holder.settled();
  const { summary, code, message } = await holder.client().summary(...question);
  if (summary === null) {
    throw errorOf(code ?? "internal", message ?? "");
  }
  return read(summary);
}

function axes(groupBy: unknown): string[] {
  const words: unknown = typeof groupBy === "string" ? [groupBy] : groupBy;
  if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) {
    throw new LlmlabError(`groupBy must be a word or an array of words, got ${shown(groupBy)}`, "invalid_usage");
  }
  return words.map(snakeCase);
}

function read({ totals, groups, detailSince }: NativeSummary): Summary {
  return {
    totals: readTotals(totals),
    groups: groups.map(({ key, totals }) => ({
      key: Object.fromEntries(key.map(({ axis, value }) => [camelCase(axis), value])),
      totals: readTotals(totals),
    })),
    detailSince,
  };
}

function readTotals(totals: NativeTotals): Totals {
  return { ...totals, usage: namedCounts(totals.usage) };
}
