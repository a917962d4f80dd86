/** The golden vectors, which every language runs. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const FOLDER = join(dirname(require.resolve("llmlab")), "..", "..", "core", "conformance");

/** A line of a file of vectors; core/conformance/README.md says what is in it. */
// biome-ignore lint/suspicious/noExplicitAny: each file has fields of its own
export type Vector = { name: string } & Record<string, any>;

/** The vectors of a file, or of all files of a folder. */
export function vectors(path: string): Vector[] {
  const files = path.endsWith(".jsonl")
    ? [path]
    : readdirSync(join(FOLDER, path))
        .sort()
        .map((name) => join(path, name));
  const lines = files.flatMap((file) => readFileSync(join(FOLDER, file), "utf8").split("\n").filter(Boolean));
  if (lines.length === 0) {
    throw new Error(`no vectors in ${join(FOLDER, path)}`);
  }
  return lines.map((line) => parsed(line));
}

/** What JSON says, with integers that are no exact numbers as BigInt. Quotes within a text have a backslash before them. */
function parsed(line: string): Vector {
  const marked = line.replace(/(?<!\\)": (\d{16,})/g, `": "${BIG}$1"`);
  const revive = (_: string, value: unknown) =>
    typeof value === "string" && value.startsWith(BIG) ? BigInt(value.slice(BIG.length)) : value;
  return JSON.parse(marked, revive) as Vector;
}

/** The JSON of what was parsed. */
export function written(value: unknown): string {
  const mark = (_: string, value: unknown) => (typeof value === "bigint" ? `${BIG}${value}` : value);
  return JSON.stringify(value, mark).replace(new RegExp(`"${BIG}(\\d+)"`, "g"), "$1");
}

const BIG = "a large integer: ";

/** The surface vector. */
export function surface(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(FOLDER, "surface.json"), "utf8")) as Record<string, unknown>;
}

/** The body of the response of a vector. */
export function bodyOf(vector: Vector): Buffer {
  if ("hex" in vector) {
    return Buffer.from(vector.hex, "hex");
  }
  return Buffer.from(textOf(vector));
}

function textOf({ text, parts, sse, lines, body }: Vector): string {
  if (parts !== undefined) {
    return parts.map(([part, times]: [string, number]) => part.repeat(times)).join("");
  }
  if (sse !== undefined) {
    const dataOf = (event: unknown) => (typeof event === "string" ? event : written(event));
    return sse.map((event: unknown) => `data: ${dataOf(event)}\n\n`).join("");
  }
  if (lines !== undefined) {
    return lines.map((line: unknown) => `${written(line)}\n`).join("");
  }
  return text ?? written(body);
}
