/** Arguments as they come from a program that may not be checked by TypeScript. */

import { types } from "node:util";
import { LlmlabError } from "./errors";
import { reject, shown, told } from "./guard";

/** What the options object of a call that never throws has, which may then be read without care. */
export function lenientOptions<O extends object>(where: string, options: O | null | undefined): Partial<O> {
  try {
    if (options == null || typeof options === "object") {
      return { ...options };
    }
    reject(where, `options must be an object, got ${shown(options)}`);
  } catch (error) {
    reject(where, `options cannot be read: ${told(error)}`);
  }
  return {};
}

/** The options object of a question. */
export function strictOptions<O extends object>(options: O | null | undefined): Partial<O> {
  if (options != null && typeof options !== "object") {
    throw new LlmlabError(`options must be an object, got ${shown(options)}`, "invalid_usage");
  }
  return options ?? {};
}

/** A text; `null` is absent. */
export function optionalText(name: string, value: unknown): string | null {
  return value == null ? null : text(name, value);
}

/** A text. */
export function text(name: string, value: unknown): string {
  if (typeof value !== "string") {
    throw new LlmlabError(`${name} must be a string, got ${shown(value)}`, "invalid_usage");
  }
  return value;
}

/** A moment as RFC 3339 text; `null` is absent. */
export function optionalMoment(name: string, value: unknown): string | null {
  if (value == null || typeof value === "string") {
    return value ?? null;
  }
  if (types.isDate(value) && !Number.isNaN(value.getTime())) {
    return value.toISOString();
  }
  const wanted = "a Date or an RFC 3339 text such as '2026-11-19T18:22:46Z'";
  throw new LlmlabError(`${name} must be ${wanted}, got ${shown(value)}`, "invalid_time");
}

/** A number by the digits that JavaScript shows for it, without an exponent. */
export function digits(number: number): string {
  const [mantissa = "", exponent] = String(number).split("e-");
  if (exponent === undefined) {
    return mantissa;
  }
  const places = Number(exponent) + (mantissa.split(".")[1]?.length ?? 0);
  return places <= 100 ? number.toFixed(places) : String(number);
}

/** The JSON of a value. Half a character, which has no form outside of JavaScript, is replaced. */
export function jsonOf(value: unknown): string {
  const json = JSON.stringify(value) ?? "null";
  if (!json.includes("\\ud")) {
    return json;
  }
  return json.replace(/\\(?:u(d[89a-f]..)|.)/g, (found, half?: string) => (half === undefined ? found : "\\ufffd"));
}
