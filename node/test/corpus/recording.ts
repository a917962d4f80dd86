/**
 * The recordings: one case is one request to a real service, and what it answered.
 *
 * They are not part of the project: `LLMLAB_CORPUS` names the folder that has them, by default `../shared/corpus` beside
 * the repository.
 */

import { readFileSync } from "node:fs";
import path from "node:path";

const REPOSITORY = path.resolve(__dirname, "../../..");

export const FOLDER = path.resolve(process.env.LLMLAB_CORPUS || path.join(REPOSITORY, "../shared/corpus"));
export const FILE = path.join(FOLDER, "corpus.jsonl");

/** The operations that nobody charges for: they leave no event. */
const FREE = ["count_tokens", "countTokens", "cachedContents", "moderations"];

/** The counts of a recording, in its own words. */
export interface Told {
  readonly input_total: number | null;
  readonly output_total: number | null;
  readonly cache_read: number | null;
  readonly cache_write: number | null;
  readonly cache_write_1h: number | null;
  readonly reasoning: number | null;
  readonly audio_in: number | null;
  readonly audio_out: number | null;
  readonly provider_cost_usd?: number | null;
}

/** A line of the file, as far as it is looked at. */
export interface Recorded {
  readonly id: string;
  readonly provider: string;
  readonly api: string;
  readonly model_requested: string | null;
  readonly model_returned: string | null;
  readonly streaming: boolean;
  readonly status: number;
  readonly request_url: string;
  readonly request_json: Record<string, unknown> | null;
  readonly response_headers: Record<string, string>;
  readonly response_body: string;
  readonly response_body_encoding: "utf-8" | "base64";
  readonly expected_tokens: Told | null;
  readonly tags: readonly string[];
}

/** One recording. */
export class Case {
  readonly recorded: Recorded;
  readonly #port: number;

  constructor(recorded: Recorded, port: number) {
    this.recorded = recorded;
    this.#port = port;
  }

  get id(): string {
    return this.recorded.id;
  }

  get provider(): string {
    return this.recorded.provider;
  }

  get api(): string {
    return this.recorded.api;
  }

  get model(): string {
    return this.recorded.model_requested ?? "none";
  }

  get streaming(): boolean {
    return this.recorded.streaming;
  }

  /** An SDK hands out something to iterate over. */
  get streams(): boolean {
    return this.streaming && this.recorded.status < 400;
  }

  get failed(): boolean {
    return this.recorded.status >= 400 || this.recorded.tags.includes("error_in_200");
  }

  get free(): boolean {
    return FREE.includes(this.api);
  }

  /** Where it went: without TLS and on the port of the replay. A masked name gets one. */
  get url(): string {
    return this.recorded.request_url
      .replaceAll("<aws_region>", "us-east-1")
      .replace(/^https?:\/\/([^/:]+)(:\d+)?/, `http://$1:${this.#port}`);
  }

  /** The URL without a path. */
  get origin(): string {
    return new URL(this.url).origin;
  }

  /** The path, without the query. */
  get path(): string {
    return this.url.slice(this.origin.length).split("?", 1)[0] ?? "";
  }

  /** The URL before this end of its path. */
  base(end: string): string {
    if (!this.path.endsWith(end)) {
      throw new Error(`${this.id}: ${this.path} does not end with ${end}`);
    }
    return this.origin + this.path.slice(0, -end.length);
  }

  /** What Azure goes by, whatever model the body names; else the model. */
  get deployment(): string {
    return this.url.split("/deployments/")[1]?.split("/")[0] ?? this.model;
  }

  /** The body of the request, or nothing where it was no JSON or is not recorded. */
  get asked(): Record<string, unknown> {
    return { ...this.recorded.request_json };
  }

  /** The body of the answer. */
  get answer(): Buffer {
    return Buffer.from(this.recorded.response_body, this.recorded.response_body_encoding);
  }
}

export function cases(port: number): Case[] {
  const lines = readFileSync(FILE, "utf8").trimEnd().split("\n");
  return lines.map((line) => new Case(JSON.parse(line) as Recorded, port));
}
