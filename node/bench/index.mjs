/**
 * Our speed beside our peers', in one run: `make bench`.
 *
 * Ratios count, absolutes do not: the machine is noisy. Every row of calls asserts that what it timed was recorded.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const home = mkdtempSync(join(tmpdir(), "llmlab-bench-"));
process.env.LLMLAB_HOME = home;
const { functions } = await import("./functions.mjs");
const { calls } = await import("./calls.mjs");
const { imports } = await import("./imports.mjs");

const figure = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));
const missed = [];
console.log(`${"".padEnd(52)} ${"llmlab".padStart(12)} ${"budget".padStart(12)}   peers, and how many times ours`);
try {
  for (const rows of [functions, calls, imports]) {
    for await (const { name, ours, budget, unit = "µs", peers = {} } of rows()) {
      const beside = Object.entries(peers).map(
        ([peer, value]) => `${peer} ${figure(value)}${ours > 0 ? ` (${(value / ours).toFixed(1)}×)` : ""}`,
      );
      const sign = ours <= budget ? " " : "✗";
      const bound = `≤ ${figure(budget)}`.padStart(9);
      console.log(
        `${name.padEnd(52)} ${figure(ours).padStart(9)} ${unit.padEnd(5)}${bound} ${sign}   ${beside.join(", ")}`,
      );
      if (ours > budget) missed.push(name.trim());
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
console.log(missed.length > 0 ? `\noutside their budget: ${missed.join(", ")}` : "\nevery row is inside its budget");
