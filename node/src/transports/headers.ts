/** Of the headers of a request or an answer, those that tell something of a call: each that crosses costs its time. */

import { native } from "../native";

let names: Set<string> | undefined;
/** By the length of a name: most others are told from it without a look at their letters. */
let lengths: boolean[] = [];

function isTelling(name: string | Buffer): boolean {
  if (names === undefined) {
    names = new Set(native().tellingHeaders());
    lengths = [];
    for (const { length } of names) {
      lengths[length] = true;
    }
  }
  return lengths[name.length] === true && names.has(text(name).toLowerCase());
}

function text(bytes: string | Buffer): string {
  return typeof bytes === "string" ? bytes : bytes.toString("latin1");
}

/** Names and values by turns, a line each, of names and values by turns: one text crosses more quickly than many. */
export function telling(headers: readonly (string | Buffer)[]): string {
  let told = "";
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name, value] = [headers[at], headers[at + 1]];
    if (name !== undefined && value !== undefined && isTelling(name)) {
      told += `${text(name)}\n${text(value)}\n`;
    }
  }
  return told;
}

/** The same, of an object with a member for each name. */
export function tellingMembers(headers: Readonly<Record<string, unknown>>): string {
  let told = "";
  for (const name in headers) {
    if (isTelling(name)) {
      told += `${name}\n${headers[name]}\n`;
    }
  }
  return told;
}
