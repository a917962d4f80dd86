/** Token counts: by their names in JavaScript, and in the array in which they cross. */

import { LlmlabError } from "./errors";
import { shown } from "./guard";
import { camelCase } from "./names";
import type { Counts, NativeCount } from "./native";
import { native } from "./native";

/**
 * Counts by their names, **inclusive**: `input` contains `cacheRead`, `cacheWrite5m`, `cacheWrite1h`, `audioIn` and
 * `imageIn`; `output` contains `reasoning`, `audioOut` and `imageOut`. The names with underscores, such as `cache_read`,
 * are understood as well.
 */
export type Usage = Readonly<Record<string, number | bigint | null | undefined>>;

/** Counts that were read: only those that were reported. */
export type UsageCounts = Record<string, number>;

interface Places {
  readonly names: readonly string[];
  readonly byName: ReadonlyMap<string, number>;
  /** Used again for every call: what is called with it has read it when it returns. */
  readonly counts: Counts;
}

const MAX_COUNT = 2n ** 64n;

let made: Places | undefined;

function places(): Places {
  if (made === undefined) {
    const dimensions = native().dimensions();
    const names = dimensions.map(camelCase);
    const byName = new Map([...dimensions.entries(), ...names.entries()].map(([place, name]) => [name, place]));
    made = { names, byName, counts: new Float64Array(2 * names.length) };
  }
  return made;
}

/** The counts of a call in the array in which they cross, which is good until the next time. */
export function countsOf(usage: unknown, inputTokens: unknown, outputTokens: unknown): Counts {
  const { byName, names } = made ?? places();
  const counts = noCounts();
  if (usage != null) {
    if (typeof usage !== "object") {
      throw invalid(`usage must be an object of counts, got ${shown(usage)}`);
    }
    for (const name in usage) {
      const place = byName.get(name);
      if (place === undefined) {
        throw invalid(`unknown usage dimension ${shown(name)}; known are ${names.join(", ")}`);
      }
      put(counts, place, name, (usage as Record<string, unknown>)[name]);
    }
  }
  putAlone(counts, byName.get("input") ?? 0, "input", "inputTokens", inputTokens);
  putAlone(counts, byName.get("output") ?? 1, "output", "outputTokens", outputTokens);
  return counts;
}

/** An array without a count. */
export function noCounts(): Counts {
  const { counts, names } = made ?? places();
  return counts.fill(0).fill(-1, 0, names.length);
}

function put(counts: Counts, place: number, name: string, value: unknown): void {
  if (value == null) {
    return;
  }
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) {
    counts[place] = value;
  } else if (typeof value === "bigint" && value >= 0n && value < MAX_COUNT) {
    counts[place] = Number(value & 0xffff_ffffn);
    counts[counts.length / 2 + place] = Number(value >> 32n);
  } else {
    throw invalid(`${name} must be a non-negative integer, got ${shown(value)}`);
  }
}

function putAlone(counts: Counts, place: number, name: string, option: string, value: unknown): void {
  const before = counts[place];
  put(counts, place, option, value);
  if (before !== -1 && counts[place] !== before) {
    throw invalid(`${option} is ${shown(value)} but usage says ${name} ${before}; give one of them`);
  }
}

function invalid(message: string): LlmlabError {
  return new LlmlabError(message, "invalid_usage");
}

/** Counts by their names. */
export function namedCounts(counts: readonly NativeCount[]): UsageCounts {
  return Object.fromEntries(counts.map(({ dimension, count }) => [camelCase(dimension), count]));
}
