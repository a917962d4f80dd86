/** Recording by hand. */

import { types } from "node:util";
import { digits, lenientOptions } from "./arguments";
import { LlmlabError } from "./errors";
import { reject, say, shown, swallow, told } from "./guard";
import type { Holder } from "./holder";
import { bodyOf } from "./json";
import type { LabelOptions } from "./labels";
import { Labels } from "./labels";
import type { Counts, NativeCall, NativeScope } from "./native";
import { native } from "./native";
import type { Scope } from "./scope";
import { current } from "./scope";
import type { Usage } from "./usage";
import { countsOf, noCounts } from "./usage";

/** Options of `trackCall`. */
export interface TrackCallOptions extends LabelOptions {
  /** All input tokens, cached ones included. */
  inputTokens?: number | bigint | null | undefined;
  /** All output tokens, reasoning included. */
  outputTokens?: number | bigint | null | undefined;
  /** Further counts by their names, such as `cacheRead` or `reasoning`; parts of the two above. */
  usage?: Usage | null | undefined;
  /** What the call cost in US dollars, if you know better; otherwise the catalogue tells. */
  costUsd?: string | number | bigint | null | undefined;
  /** How long the call took, until now. */
  latencyMs?: number | null | undefined;
  /** Such as `batch` or `priority`; standard if not given. */
  serviceTier?: string | null | undefined;
  /**
   * `chat`, `text_completion`, `embeddings`, `generate_content`, `rerank`, `image_generation`, `speech` or
   * `transcription`.
   *
   * @defaultValue "chat"
   */
  operation?: string | null | undefined;
}

/** Options of `recordResponse`. */
export interface RecordResponseOptions {
  /** Whose response it is, if its shape does not tell. */
  provider?: string | null | undefined;
  /** The model, if the response does not tell. */
  model?: string | null | undefined;
  /** Such as `chat.completions` or `messages`, if the shape does not tell. */
  api?: string | null | undefined;
}

/** Records a call that was told by hand. */
export function recordCall(holder: Holder, provider: unknown, model: unknown, options: unknown): void {
  try {
    const given = lenientOptions<TrackCallOptions>("trackCall", options as TrackCallOptions);
    const client = holder.client();
    const { feature, user, session, tags } = given;
    let scope: NativeScope | null = current.getStore()?.native() ?? null;
    const labels = Labels.of({ feature, user, session, tags });
    if (labels !== Labels.NONE) {
      scope = client.scope(scope, labels.native());
    }
    say(client.recordCall(callOf(provider, model, given), countsGiven(given), scope));
  } catch (error) {
    swallow("trackCall", error);
  }
}

/** A wrong value is left out and named: the call itself is never lost. */
function callOf(provider: unknown, model: unknown, given: Partial<TrackCallOptions>): NativeCall {
  const call: NativeCall = {};
  const keep = <K extends keyof NativeCall>(name: K, value: NativeCall[K] | null): void => {
    if (value != null) {
      call[name] = value;
    }
  };
  keep("provider", word("provider", provider));
  keep("model", word("model", model));
  keep("serviceTier", word("serviceTier", given.serviceTier));
  keep("operation", operation(given.operation));
  keep("costUsd", money(given.costUsd));
  keep("latencyMs", latency(given.latencyMs));
  return call;
}

/** One wrong count leaves out all of them, so that the cost is unknown and not too low. */
function countsGiven(given: Partial<TrackCallOptions>): Counts {
  try {
    return countsOf(given.usage, given.inputTokens, given.outputTokens);
  } catch (error) {
    reject("trackCall", error instanceof LlmlabError ? error.message : `usage cannot be read: ${told(error)}`);
    return noCounts();
  }
}

function word(name: string, value: unknown, where = "trackCall"): string | null {
  if (value == null || (typeof value === "string" && value !== "")) {
    return value ?? null;
  }
  reject(where, `${name} must be a non-empty string, got ${shown(value)}`);
  return null;
}

function operation(value: unknown): string | null {
  const given = word("operation", value);
  if (given !== null && !native().operations().includes(given)) {
    reject("trackCall", `operation must be one of ${native().operations().join(", ")}, got ${shown(given)}`);
    return null;
  }
  return given;
}

function money(value: unknown): string | null {
  if (value == null) {
    return null;
  }
  const text = typeof value === "number" ? digits(value) : typeof value === "bigint" ? String(value) : value;
  if (typeof text === "string" && /^\d*\.?\d+$|^\d+\.$/.test(text)) {
    return text;
  }
  reject("trackCall", `costUsd must be a non-negative number or decimal text, got ${shown(value)}`);
  return null;
}

function latency(value: unknown): number | null {
  const MAX_MS = 1e12;
  if (value == null || (typeof value === "number" && value >= 0 && value < MAX_MS)) {
    return value ?? null;
  }
  reject("trackCall", `latencyMs must be a non-negative number, got ${shown(value)}`);
  return null;
}

/** Records a response that the program holds. Whether a call was recorded. */
export function recordGiven(holder: Holder, response: unknown, options: unknown): boolean {
  try {
    const given = lenientOptions<RecordResponseOptions>("recordResponse", options as RecordResponseOptions);
    return recorded(holder, response, given, current.getStore());
  } catch (error) {
    swallow("recordResponse", error);
    return false;
  }
}

/** What is told of a response beside it. */
interface Told {
  provider?: unknown;
  model?: unknown;
  api?: unknown;
}

/** The same within a scope; whatever that was given is read by its form. */
export function recorded(holder: Holder, response: unknown, told: Told, scope: Scope | undefined): boolean {
  const bodies = (Array.isArray(response) ? response : [response]).map(wireOf).filter((body) => body !== null);
  if (bodies.length === 0) {
    return false;
  }
  const client = holder.client();
  const [provider, model, api] = (["provider", "model", "api"] as const).map((name) =>
    word(name, told[name], "recordResponse"),
  );
  const record = (body: string | Uint8Array): boolean =>
    client.recordResponse(body, provider ?? null, model ?? null, api ?? null, scope?.native() ?? null);
  const isRecorded = bodies.map(record).includes(true);
  say(client.takeNotices());
  return isRecorded;
}

/** A response in the form in which it crosses: JSON text or bytes; `null` if it has none. */
export function wireOf(response: unknown): string | Uint8Array | null {
  if (typeof response === "string" || types.isUint8Array(response)) {
    return response;
  }
  if (types.isArrayBuffer(response)) {
    return new Uint8Array(response);
  }
  return typeof response === "object" && response !== null ? bodyOf(response) : null;
}
