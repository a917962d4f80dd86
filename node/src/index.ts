/**
 * What your LLM calls cost, to the last fraction of a cent.
 *
 * Importing it does nothing: no thread, no socket, no file. `init`, or `node --import llmlab/register app.mjs`, taps the HTTP
 * clients of the program; `trackCost` and `track` say for whom the calls are made; `llmlab status` shows what they cost.
 *
 * Nothing here throws into the program except `init` and `LLMLab` on a configuration that cannot be used, and the questions
 * (`cost`, `models`, `readUsage`, `summary`) and what sets something (`setPrice`, `setModel`, `registerProvider`) on
 * arguments that make no sense.
 *
 * @packageDocumentation
 */

import { globalHolder } from "./holder";
import { Lab } from "./lab";

const lab = new Lab(globalHolder);

/** A method of the global client, which needs no object before it. */
function method<K extends keyof Lab>(name: K): Lab[K] {
  return (lab[name] as (...args: unknown[]) => unknown).bind(lab) as Lab[K];
}

/** What a call costs, in US dollars, exactly. See {@link Lab.cost}. */
export const cost = method("cost");
/** Delivers what was recorded so far. See {@link Lab.flush}. */
export const flush = method("flush");
/** Lists the models of a provider that have a price. See {@link Lab.models}. */
export const models = method("models");
/** Reads the token counts off a provider's response body. See {@link Lab.readUsage}. */
export const readUsage = method("readUsage");
/** Records a provider's response that you hold, and that no tap has seen. See {@link Lab.recordResponse}. */
export const recordResponse = method("recordResponse");
/** Makes a provider known, or further hosts of a known one. See {@link Lab.registerProvider}. */
export const registerProvider = method("registerProvider");
/** Tells which model is behind a name. See {@link Lab.setModel}. */
export const setModel = method("setModel");
/** Sets what a model costs. See {@link Lab.setPrice}. */
export const setPrice = method("setPrice");
/** Delivers what was recorded, and ends the background thread. See {@link Lab.shutdown}. */
export const shutdown = method("shutdown");
/** Tells how the events of this process fared. See {@link Lab.stats}. */
export const stats = method("stats");
/** What was spent. See {@link Lab.summary}. */
export const summary = method("summary");
/** Wraps a function, or decorates a method: each run is a step of a trace. See {@link Lab.trace}. */
export const trace = method("trace");
/** Runs a function, and attributes the calls made inside; tells what they cost. See {@link Lab.track}. */
export const track = method("track");
/** Records a call that no tap sees. See {@link Lab.trackCall}. */
export const trackCall = method("trackCall");
/** Wraps a function, or decorates a method: the calls made inside it carry labels. See {@link Lab.trackCost}. */
export const trackCost = method("trackCost");

export type { Event, SinkFunction } from "./callbacks";
export { init, LLMLab } from "./client";
export type { Cost, CostOptions, CostState, Line } from "./cost";
export type { AnyFunction, Decorator } from "./decorator";
export { ConfigError, LlmlabError } from "./errors";
export { fetch } from "./fetch";
export { instrument, uninstrument } from "./instrument";
export type { Label, LabelOptions } from "./labels";
export type { FlushOptions, SinkStats, Stats } from "./lifecycle";
export type { FlushReport } from "./native";
export type { Backend, Options, Sink } from "./options";
export type { ReadUsageOptions } from "./readUsage";
export type { RecordResponseOptions, TrackCallOptions } from "./record";
export type { Amount, Price, ProviderOptions } from "./registrar";
export type { Scope } from "./scope";
export type { Group, Summary, SummaryOptions, Totals } from "./summary";
export type { TraceOptions } from "./trace";
export type { TrackOptions } from "./track";
export type { TrackCostOptions } from "./trackCost";
export type { Usage, UsageCounts } from "./usage";
