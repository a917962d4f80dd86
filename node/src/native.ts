/** The addon: what bindings/node gives, by the types that cross. A test compares the two. */

/**
 * Counts by the places of `dimensions()`, of which a negative one is absent; behind them, in the same order, how many times
 * 2^32 is to be added, because a number is exact up to 2^53 only.
 */
export type Counts = Float64Array;
/** What the user should be told, if anything. */
export type Notices = string[] | null;

export interface Native {
  readonly VERSION: string;
  readonly Client: ClientClass;
  readonly Labels: new (
    feature: string | null,
    user: string | null,
    session: string | null,
    tags: string[],
  ) => NativeLabels;
  isDisabled(): boolean;
  faults(): number;
  dimensions(): string[];
  operations(): string[];
  unreadMembers(): string[];
  registerProvider(definition: string): void;
  readUsage(provider: string | null, body: string | Uint8Array, api: string | null): NativeCount[] | null;
  /** What is left to do when the process exits, for every client. It waits, within the limits of `exit_flush`. */
  leave(): void;
  /** Whether a request may be a call to a model: what method and URL alone tell. */
  concerns(method: string, url: string): boolean;
  /** The names, in lower case, of the headers that tell something of a call. */
  tellingHeaders(): string[];
  /** Runs the command; the first argument is the program's name. */
  cli(argv: string[]): number;
}

export interface ClientClass {
  /** `hand` is given batches for the functions among the sinks, after the first record; each is to be settled. */
  new (
    options: string,
    functions: string[],
    hand: ((sink: string, ticket: number, events: string) => void) | null,
  ): NativeClient;
  /** The global client of the process, which its workers share: whichever that is at the time of each call. */
  global(): NativeClient;
}

export interface NativeClient {
  readonly problem: string | null;
  /** Makes this the global client, and gives the one before, and what this one could not be told of what that was. */
  becomeGlobal(): { before: NativeClient | null; problems: string[] };
  /** Begins an exchange; `null`, and the body was not looked at, if it is no call to a model. */
  begin(method: string, url: string, body: string | Uint8Array | null): NativeExchange | null;
  scope(parent: NativeScope | null, labels: NativeLabels): NativeScope;
  step(parent: NativeScope | null, labels: NativeLabels, name: string, kind: string): NativeScope;
  endStep(scope: NativeScope, errorType: string | null, cancelled: boolean): Notices;
  recordCall(given: NativeCall, counts: Counts, scope: NativeScope | null): Notices;
  recordResponse(
    body: string | Uint8Array,
    provider: string | null,
    model: string | null,
    api: string | null,
    scope: NativeScope | null,
  ): boolean;
  /**
   * A field a line: total, state, how the model was found, version of the prices, charges, model. What is unknown is empty.
   * A charge is dimension, count, unit price and total, and each has a blank behind it.
   */
  cost(provider: string, model: string, counts: Counts, terms: NativeTerms | null): string;
  models(provider: string): string[];
  setPrice(provider: string, model: string, rates: string): void;
  setModel(provider: string, name: string, model: string): void;
  summary(
    since: string | null,
    until: string | null,
    groupBy: string[],
    project: string | null,
    runId: string | null,
  ): Promise<{ summary: NativeSummary | null; code: string | null; message: string | null }>;
  flush(timeoutS: number): Promise<FlushReport>;
  shutdown(timeoutS: number): Promise<FlushReport>;
  stats(): NativeStats;
  takeNotices(): Notices;
  settleBatch(ticket: number, problem: string | null): void;
  /** What is in force, but for secrets, in JSON. */
  configuration(): string;
}

/** Made of labels that stay the same. */
export interface NativeLabels {
  readonly "native labels": never;
}

export interface NativeScope {
  readonly begun: number;
  tally(): { calls: number; unpriced: number; cost: string; costNumber: number };
  settle(): void;
}

/** One request to a provider and its response: recorded once, when it ends or is collected. */
export interface NativeExchange {
  readonly mayAsk: boolean;
  within(scope: NativeScope): void;
  /** Names and values by turns, a line each, here and in `head`. */
  sent(headers: string): void;
  head(status: number, headers: string): void;
  push(piece: Uint8Array): void;
  bodyToSend(body: string | Uint8Array): Uint8Array | null;
  passed(piece: Uint8Array): Uint8Array | null;
  rest(): Uint8Array;
  complete(): Notices;
  lost(errorType: string | null): Notices;
  cancelled(errorType: string | null): Notices;
  closed(): Notices;
  unsent(): void;
}

export interface NativeCall {
  provider?: string;
  model?: string;
  costUsd?: string;
  latencyMs?: number;
  serviceTier?: string;
  operation?: string;
}

/** What, beside model and counts, decides a price. */
export interface NativeTerms {
  at?: string;
  serviceTier?: string;
  inferenceGeo?: string;
  speed?: string;
  searchContextSize?: string;
}

export interface NativeCount {
  dimension: string;
  count: number;
}

export interface NativeTotals {
  calls: number;
  failedAttempts: number;
  priced: number;
  estimated: number;
  unpriced: number;
  costUsd: string | null;
  costUsdNumber: number | null;
  costState: "priced" | "estimated" | "unpriced";
  usage: NativeCount[];
}

export interface NativeSummary {
  totals: NativeTotals;
  groups: { key: { axis: string; value: string | null }[]; totals: NativeTotals }[];
  detailSince: string | null;
}

export interface NativeReason {
  reason: string;
  count: number;
}

export interface NativeStats {
  recorded: number;
  delivered: number;
  spooled: number;
  inMemory: number;
  rolledUp: number;
  dropped: number;
  dropReasons: NativeReason[];
  unpriced: number;
  sinks: {
    name: string;
    state: string;
    delivered: number;
    spooled: number;
    rolledUp: number;
    dropped: number;
    dropReasons: NativeReason[];
    lastError: string | null;
  }[];
}

/** What a flush achieved: events, of the sink that is furthest behind. What is pending stays on disk. */
export interface FlushReport {
  /** Events that arrived. */
  delivered: number;
  /** Events that wait. */
  pending: number;
  /** Events that are lost. */
  dropped: number;
  /** What went wrong last; `null` if nothing did. */
  lastError: string | null;
}

/** The addon of this platform, or its absence. Loaded at the first use and not at import. */
export function native(): Native {
  // What an import does not need, it does not read.
  loaded ??= (require("./addon") as typeof import("./addon")).load();
  return loaded;
}

let loaded: Native | undefined;
