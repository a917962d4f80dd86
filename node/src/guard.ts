/**
 * Nothing that goes wrong in llmlab reaches the host: it is counted, and said once, as a warning of the process
 * (`process.on("warning")`, named `LlmlabWarning`). With `LLMLAB_DEBUG` set, faults are thrown instead, for those who work
 * on llmlab.
 */

import { inspect } from "node:util";
import { inJavaScript } from "./names";

const MAX_SHOWN_CHARS = 80;
const MAX_TOPICS = 1_000;

let swallowed = 0;
const said = new Set<string>();

/** How many faults of llmlab, and how many wrong arguments, were swallowed. */
export function faults(): number {
  return swallowed;
}

/** What an error says, if it can: those of the program may refuse even that. */
export function told(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "an error that cannot be shown";
  }
}

/** What a message shows of a value. */
export function shown(value: unknown): string {
  try {
    const text = inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: MAX_SHOWN_CHARS });
    return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
  } catch {
    return "something that cannot be shown";
  }
}

/** Counts an error of our own and says it once for each place. */
export function swallow(where: string, error: unknown): void {
  swallowed += 1;
  if (process.env.LLMLAB_DEBUG) {
    throw error;
  }
  warnOnce(where, `${where} failed inside llmlab and was skipped: ${told(error)}`);
}

/** Counts a wrong argument where no error may be thrown, and says it once for each place. */
export function reject(where: string, message: string): void {
  swallowed += 1;
  warnOnce(where, `${where}: ${message}`);
}

/** Says a thing unless its topic was spoken of before. */
export function warnOnce(topic: string, message: string): void {
  if (!said.has(topic) && said.size < MAX_TOPICS) {
    said.add(topic);
    say([message]);
  }
}

/** Says what the user should know, if anything. */
export function say(notices: readonly string[] | null): void {
  for (const notice of notices ?? []) {
    process.emitWarning(inJavaScript(notice), "LlmlabWarning");
  }
}
