/** What a program tells llmlab that it does not know: prices, names of models, providers. */

import { types } from "node:util";
import { digits, jsonOf, strictOptions, text } from "./arguments";
import { ConfigError } from "./errors";
import { shown } from "./guard";
import type { Holder } from "./holder";
import { snakeCase } from "./names";
import { native } from "./native";

/** US dollars: text is exact; a number counts as the digits that JavaScript shows for it. */
export type Amount = string | number | bigint;

/** What a model costs, by the names of usage. */
export interface Price {
  /** US dollars for a million tokens. */
  input?: Amount | null | undefined;
  /** The same for output tokens. */
  output?: Amount | null | undefined;
  /** The same for input tokens that were read from a cache. */
  cacheRead?: Amount | null | undefined;
  /**
   * When it begins to hold: a `Date`, a day (00:00 UTC) or RFC 3339 text. Before it, the price that the model had. Always,
   * if not given.
   */
  starts?: Date | string | null | undefined;
  /**
   * By the names of usage, `cacheWrite5m`, `reasoning`, `audioIn`…: dollars for a million tokens or characters, and for one
   * of anything else (`webSearches: "0.01"`). By the name of a service tier (`batch`, `flex`, `priority`, `fast`) an object
   * of its own rates. `tiers`: an array of objects with rates that hold for a call once its input is `over` so many tokens.
   */
  [rate: string]: Amount | Date | object | null | undefined;
}

/** A provider, or further hosts of a known one. */
export interface ProviderOptions {
  /** Where it is reached: `"llm.example"`, `".example"` for every host below, `"llm.example:8443"` for one port. */
  hosts?: string | readonly string[] | null | undefined;
  /** The provider whose wire it speaks: `openai`, `anthropic`, `google`… */
  wire?: string | null | undefined;
  /**
   * Ends of the paths that are billed; an object also says what they do (`chat`, `embeddings`…). Those of the wire, if not
   * given.
   */
  paths?: string | readonly string[] | Readonly<Record<string, string>> | null | undefined;
  /**
   * Where answers have what, if the wire is none of the known: keys with dots between, and places of arrays, by the names of
   * usage, and `model`, `id`, `service_tier` and `cost` (US dollars). Of a stream the last event that has it counts.
   */
  usage?: Readonly<Record<string, string>> | null | undefined;
  /** The counts that `input` and `output` do not contain, such as `["cacheRead", "reasoning"]`. */
  outside?: string | readonly string[] | null | undefined;
  /**
   * The model stands in the path, between the last slash and the end in `paths`.
   *
   * @defaultValue false
   */
  modelInPath?: boolean | null | undefined;
  /** Other spellings of the id. */
  aliases?: string | readonly string[] | null | undefined;
}

/** Sets what a model costs. */
export function setPrice(holder: Holder, provider: unknown, model: unknown, price: Price | null | undefined): void {
  const { starts, ...rates } = strictOptions<Price>(price);
  const given = plain(rates) as Record<string, unknown>;
  if (starts != null) {
    given.starts = instant(starts);
  }
  holder.client().setPrice(text("provider", provider), text("model", model), jsonOf(given));
}

/** Tells which model is behind a name. */
export function setModel(holder: Holder, provider: unknown, name: unknown, model: unknown): void {
  holder.client().setModel(text("provider", provider), text("name", name), text("model", model));
}

/** Makes a provider known to the process. */
export function registerProvider(id: unknown, options: ProviderOptions | null | undefined): void {
  const { usage, outside, paths, ...rest } = strictOptions(options);
  const definition = {
    id: plain(id),
    ...(plain(rest) as object),
    ...(usage == null ? {} : { usage: plain(usage) }),
    ...(outside == null ? {} : { outside: typeof outside === "string" ? snakeCase(outside) : names(outside) }),
    ...(paths == null ? {} : { paths }),
  };
  native().registerProvider(jsonOf(definition));
}

function names(outside: readonly string[]): unknown {
  return Array.isArray(outside)
    ? outside.map((name: unknown) => (typeof name === "string" ? snakeCase(name) : shown(name)))
    : shown(outside);
}

/** A value in JSON, amounts by their digits; of what has no form there, the text for the core to refuse. */
function plain(value: unknown): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") {
    return value;
  }
  if (typeof value === "number") {
    return Number.isInteger(value) ? value : digits(value);
  }
  if (typeof value === "bigint") {
    return String(value);
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (typeof value !== "object") {
    return shown(value);
  }
  const members = Object.entries(value).filter(([, item]) => item != null);
  return Object.fromEntries(members.map(([name, item]) => [snakeCase(name), plain(item)]));
}

function instant(starts: unknown): string {
  if (typeof starts === "string") {
    return starts;
  }
  if (types.isDate(starts) && !Number.isNaN(starts.getTime())) {
    return starts.toISOString();
  }
  throw new ConfigError(`starts must be a Date, a day or an RFC 3339 text, got ${shown(starts)}`, "invalid_prices");
}
