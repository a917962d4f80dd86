/** What the import takes, and the first call. */

import { figures } from "./process.mjs";
import { median } from "./timing.mjs";

const RUNS = 15;
const PEERS = {
  "OTel SDK": "@opentelemetry/sdk-trace-node",
  traceloop: "@traceloop/node-server-sdk",
  langfuse: "@langfuse/tracing",
};

export async function* imports() {
  const ours = [];
  const first = [];
  for (let run = 0; run < RUNS; run += 1) {
    const taken = await figures("import.mjs", "llmlab");
    ours.push(taken.importMs);
    first.push(taken.firstMs);
  }
  const peers = {};
  for (const [name, module] of Object.entries(PEERS)) {
    peers[name] = (await figures("import.mjs", module)).importMs;
  }
  yield { name: "import", ours: median(ours), budget: 15, unit: "ms", peers };
  yield { name: "first call", ours: median(first), budget: 5, unit: "ms" };
}
