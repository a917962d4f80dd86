/** The warnings of llmlab in this process. */

import { setImmediate as turn } from "node:timers/promises";

const heard: string[] = [];

process.on("warning", (warning) => {
  if (warning.name === "LlmlabWarning") {
    heard.push(warning.message);
  }
});

/** Listens from now on; what it gives tells what was said since. */
export function warnings(): () => Promise<string[]> {
  heard.length = 0;
  return async () => {
    await turn(); // they are emitted in the next turn
    return heard.splice(0);
  };
}
