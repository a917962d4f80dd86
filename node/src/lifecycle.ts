/** The end of a client, and how its events fared. */

import { lenientOptions } from "./arguments";
import { faults, reject, say, shown, swallow } from "./guard";
import type { Holder } from "./holder";
import type { FlushReport, NativeReason } from "./native";
import { native } from "./native";

/** Options of `flush` and `shutdown`. */
export interface FlushOptions {
  /**
   * Seconds to wait at most.
   *
   * @defaultValue 5.0
   */
  timeout?: number | null | undefined;
}

/** Counters of events. */
interface Counters {
  /** Events that arrived. */
  delivered: number;
  /** Events on disk, which survive the process. */
  spooled: number;
  /** Events that count in totals a day. */
  rolledUp: number;
  /** Events that are lost. */
  dropped: number;
  /** Why. */
  dropReasons: Record<string, number>;
}

/** How the events of one sink fared. */
export interface SinkStats extends Counters {
  /** Its name. */
  name: string;
  /** `ready`, `waiting`, `paused` or `elsewhere`. */
  state: string;
  /** What went wrong last; `null` if nothing did. */
  lastError: string | null;
}

/** How the events of this process fared: `recorded = delivered + spooled + inMemory + rolledUp + dropped`. */
export interface Stats extends Counters {
  /** Events. */
  recorded: number;
  /** Events that are about to be written. */
  inMemory: number;
  /** Calls without a known cost. */
  unpriced: number;
  /** Things that went wrong inside llmlab or were wrong in its arguments, and did not reach the program. */
  faults: number;
  /** Each sink's own. */
  sinks: SinkStats[];
}

const DEFAULT_TIMEOUT_S = 5;

/** Delivers what was recorded, and ends the client's part of the background thread if asked to. Never rejects. */
export async function finished(
  holder: Holder,
  what: "flush" | "shutdown",
  options: FlushOptions | null | undefined,
): Promise<FlushReport> {
  const timeoutS = timeoutOf(what, options);
  try {
    await holder.settled();
    const report = await holder.client()[what](timeoutS);
    say(holder.client().takeNotices());
    return report;
  } catch (error) {
    swallow(what, error);
    return { delivered: 0, pending: 0, dropped: 0, lastError: null };
  }
}

function timeoutOf(what: string, options: FlushOptions | null | undefined): number {
  try {
    const timeout: unknown = lenientOptions(what, options).timeout ?? DEFAULT_TIMEOUT_S;
    if (typeof timeout === "number") {
      return timeout;
    }
    reject(what, `timeout must be a number of seconds, got ${shown(timeout)}`);
  } catch (error) {
    swallow(what, error);
  }
  return DEFAULT_TIMEOUT_S;
}

/** How the events of this process fared. */
export function statsOf(holder: Holder): Stats {
  const { sinks, dropReasons, ...counters } = holder.client().stats();
  return {
    ...counters,
    dropReasons: byReason(dropReasons),
    faults: faults() + native().faults(),
    sinks: sinks.map((sink) => ({ ...sink, dropReasons: byReason(sink.dropReasons) })),
  };
}

function byReason(reasons: readonly NativeReason[]): Record<string, number> {
  return Object.fromEntries(reasons.map(({ reason, count }) => [reason, count]));
}
