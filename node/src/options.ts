/** The options of a client: what JavaScript adds to the core's reading of them. */

import { fileURLToPath } from "node:url";
import { jsonOf } from "./arguments";
import type { SinkFunction } from "./callbacks";
import { ConfigError } from "./errors";
import { shown, told } from "./guard";
import { snakeCase } from "./names";

/** A server that events go to. */
export interface Backend {
  /** Its address. */
  url: string;
  /** What it speaks: `llmlab`, `track`, `events_track` or `traces`. */
  protocol?: string;
  /** Headers of every request. */
  headers?: Readonly<Record<string, string>>;
  /** A file of certificates to trust. */
  caFile?: string;
  /** Whether an address without TLS will do. */
  allowInsecure?: boolean;
}

/**
 * Where events go: `"ledger"`, `"llmlab"` (the backend), `"console"`, `"jsonl:PATH"`, `"otlp:URL"`, an object with a
 * `type` and its options, or a function; `["name", function]` names one.
 */
export type Sink =
  | string
  | Readonly<Record<string, unknown>>
  | SinkFunction
  | readonly [name: string, fn: SinkFunction];

/** Options of `init` and `LLMLab`. Everything is optional. */
export interface Options {
  /** The key of the backend. It is never written to disk. */
  apiKey?: string | null | undefined;
  /** The project that pays; `default` if not given. */
  project?: string | null | undefined;
  /** The server that events go to: an address, or an object. */
  backend?: string | Backend | null | undefined;
  /**
   * Where events go. By default the ledger, and the backend if there is one. A function is called in the thread that made
   * the client with an array of events as in docs/events.md, whose amounts are decimal text; where it throws, or its
   * promise is rejected, it is given the events again later.
   */
  sinks?: readonly Sink[] | null | undefined;
  /** Such as `production`. */
  environment?: string | null | undefined;
  /** The name of the application. */
  service?: string | null | undefined;
  /** Tags of every event. */
  tags?: Readonly<Record<string, string>> | null | undefined;
  /** A file of prices that go before the built-in ones. */
  prices?: string | URL | null | undefined;
  /** A TOML file of providers, prices, names and hosts that llmlab does not know; see docs/providers.md. */
  providers?: string | URL | null | undefined;
  /** Names such as deployments, and the models whose price they have: `{ "azure/my-deployment": "gpt-5" }`. */
  models?: Readonly<Record<string, string>> | null | undefined;
  /**
   * Hosts, and the providers that are reached there: `{ "llm.internal": "openai" }`. They hold for the process, not only
   * for this client.
   */
  hosts?: Readonly<Record<string, string>> | null | undefined;
  /**
   * `auto` asks a stream for its usage (`stream_options.include_usage`) where the provider tells none otherwise and is
   * known to accept it, and takes out of the answer what that adds; `never` changes no request, and such streams are
   * unpriced.
   */
  streamUsage?: "auto" | "never" | null | undefined;
  /** `process`, an event survives the death of the process, or `fsync`, that of the machine, too. */
  durability?: "process" | "fsync" | null | undefined;
  /** Bytes that may wait for a sink before the oldest are folded into totals; 256 MiB by default. */
  spoolMaxBytes?: number | null | undefined;
  /** Days that events may wait before they are folded into totals; 30 by default. */
  spoolMaxDays?: number | null | undefined;
  /** How long the exit waits for deliveries: `auto`, `off` or milliseconds. */
  exitFlush?: "auto" | "off" | number | null | undefined;
}

/** Options as they cross: in JSON, and the functions among the sinks by their names. */
export interface ReadOptions {
  json: string;
  functions: Map<string, SinkFunction>;
}

const TEXTS = new Set(["apiKey", "project", "environment", "service", "prices", "providers"]);
const PATHS = new Set(["prices", "providers"]);
const PAIRS = new Set(["tags", "models", "hosts"]);

/** Reads options. An option of another name is refused by the core, which names it. */
export function read(options: unknown): ReadOptions {
  if (options != null && (typeof options !== "object" || Array.isArray(options))) {
    const example = '{ project: "shop" }';
    throw new ConfigError(`options must be an object such as ${example}, got ${shown(options)}`, "invalid_config");
  }
  const functions = new Map<string, SinkFunction>();
  const members: string[] = [];
  for (const name of Object.keys(options ?? {})) {
    try {
      const value: unknown = Reflect.get(options ?? {}, name);
      if (value != null) {
        members.push(`${jsonOf(snakeCase(name))}:${inJson(readOne(name, value, functions))}`);
      }
    } catch (error) {
      throw error instanceof ConfigError
        ? error
        : new ConfigError(`${name} cannot be read: ${told(error)}`, "invalid_config");
    }
  }
  return { json: `{${members.join(",")}}`, functions };
}

function readOne(name: string, value: unknown, functions: Map<string, SinkFunction>): unknown {
  if (TEXTS.has(name)) {
    return text(name, PATHS.has(name) && value instanceof URL ? fileURLToPath(value) : value);
  }
  if (PAIRS.has(name)) {
    const pairs = entries(value) ?? refuse(name, "an object of strings", value);
    return Object.fromEntries(pairs.map(([key, item]) => [key, text(name, item)]));
  }
  if (name === "sinks" && Array.isArray(value)) {
    return value.map((sink) => readSink(sink, functions));
  }
  return plain(value);
}

function readSink(sink: unknown, functions: Map<string, SinkFunction>): unknown {
  const [given, fn] = Array.isArray(sink) && sink.length === 2 ? (sink as unknown[]) : [undefined, sink];
  if (typeof fn !== "function") {
    return plain(sink);
  }
  const name = text("the name of a function in sinks", given ?? (fn.name || "function"));
  if (functions.has(name)) {
    const message = `sinks has two functions named ${shown(name)}; tell them apart by ["a name", function]`;
    throw new ConfigError(message, "invalid_config");
  }
  functions.set(name, fn as SinkFunction);
  return { type: "callback", name };
}

/** What the core refuses in its own words, or the value's text for it to show. */
function plain(value: unknown): unknown {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  const members = entries(value);
  return members === null ? shown(value) : Object.fromEntries(members.map(([key, item]) => [snakeCase(key), item]));
}

function entries(value: unknown): [string, unknown][] | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return null;
  }
  return value instanceof Map ? [...value].map(([key, item]) => [text("a key", key), item]) : Object.entries(value);
}

function text(name: string, value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  if (name === "apiKey") {
    throw new ConfigError("apiKey must be a string", "invalid_config"); // it is not shown, whatever it is
  }
  return refuse(name, PAIRS.has(name) ? "an object of strings" : "a string", value);
}

function refuse(name: string, wanted: string, value: unknown): never {
  throw new ConfigError(`${name} must be ${wanted}, got ${shown(value)}`, "invalid_config");
}

/** The JSON of a value; what has no form there is not made up. */
function inJson(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`${value} has no form in JSON`);
  }
  return jsonOf(value);
}
