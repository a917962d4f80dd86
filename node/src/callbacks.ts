/**
 * Functions of the program that take batches of events: in the thread that made the client, one batch at a time each.
 *
 * The addon waits for batches on threads of its own, which begin with the client's first record and do not keep the process
 * alive. What a function has not taken by the exit stays on disk for the next process.
 */

import { swallow, told } from "./guard";
import type { NativeClient } from "./native";
import { native } from "./native";
import type { ReadOptions } from "./options";
import { current } from "./scope";

/** An event as in docs/events.md, but that amounts are decimal text, because numbers would not be exact. */
export type Event = Record<string, unknown>;

/** Takes events. Where it throws, or its promise is rejected, it is given them again later. */
export type SinkFunction = (events: Event[]) => unknown;

/** How long a process that has nothing else to do waits for functions to take what was recorded last. */
const EXIT_TIMEOUT_S = 0.25;

/** A client of these options, whose functions are served. */
export function opened({ json, functions }: ReadOptions): NativeClient {
  const { Client } = native();
  if (functions.size === 0) {
    return new Client(json, [], null);
  }
  const client = new Client(json, [...functions.keys()], (name, ticket, events) => {
    // The program's scope at the time of `init` has nothing to do with it.
    void current.run(undefined, taken, functions.get(name), events).then((problem) => settle(client, ticket, problem));
  });
  if (served.size === 0) {
    process.once("beforeExit", takeTheLast);
  }
  served.add(client);
  return client;
}

/** Clients with functions. */
const served = new Set<NativeClient>();

function takeTheLast(): void {
  for (const client of served) {
    void client.flush(EXIT_TIMEOUT_S);
  }
}

/** What the function threw, if it did. */
async function taken(fn: SinkFunction | undefined, events: string): Promise<string | null> {
  try {
    await fn?.(eventsOf(events));
    return null;
  } catch (error) {
    return told(error);
  }
}

function settle(client: NativeClient, ticket: number, problem: string | null): void {
  try {
    client.settleBatch(ticket, problem);
  } catch (error) {
    swallow("sink", error);
  }
}

/** The events of a JSON array. No text in it can look like an amount: its quotes have a backslash before them. */
function eventsOf(text: string): Event[] {
  return JSON.parse(text.replace(/(?<!\\)"((?:provider_)?cost_usd)":([\d.eE+-]+)/g, '"$1":"$2"')) as Event[];
}
