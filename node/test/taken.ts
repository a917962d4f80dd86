/** What the functions of the package record, taken by a function among the sinks. */

import "./home";
import type { Event, Options } from "llmlab";
import * as llmlab from "llmlab";

const events: Event[] = [];

/** Starts llmlab anew with these options. */
export async function begin(options: Options = {}): Promise<void> {
  llmlab.init({ ...options, sinks: ["ledger", ["test", (batch: Event[]) => events.push(...batch)]] });
  llmlab.uninstrument();
  await taken();
}

/** The events since the last time. */
export async function taken(): Promise<Event[]> {
  const report = await llmlab.flush({ timeout: 20 });
  if (report.pending > 0) {
    throw new Error(`not delivered in time: ${JSON.stringify(report)}`);
  }
  return events.splice(0);
}

/** The calls among them. */
export async function calls(): Promise<Event[]> {
  return (await taken()).filter((event) => event.kind === "call");
}

/** The only call since the last time. */
export async function call(): Promise<Event> {
  const [first, ...others] = await calls();
  if (first === undefined || others.length > 0) {
    throw new Error(`one call was expected, not ${others.length + (first === undefined ? 0 : 1)}`);
  }
  return first;
}
