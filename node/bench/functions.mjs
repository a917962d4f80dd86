/** Rows of single functions: pricing, and what a wrapper adds to one. */

import { LIBRARIES } from "./libraries.mjs";
import { figures, withServer } from "./process.mjs";
import { interleaved } from "./timing.mjs";

const PRICE_BUDGET_US = 0.8;
const WRAPPER_BUDGET_US = 1.5;

export async function* functions() {
  yield await pricing();
  for (const kind of ["sync", "async"]) {
    const peers = {};
    for (const library of Object.keys(LIBRARIES)) {
      peers[library] = await withServer("receiver.py", [], (receiver) =>
        figures("wrapper.mjs", library, receiver, kind),
      );
    }
    const { llmlab: ours, ...others } = peers;
    yield {
      name: `trackCost that only sets the scope, ${kind}, added`,
      ours,
      budget: WRAPPER_BUDGET_US,
      peers: others,
    };
  }
}

async function pricing() {
  const { cost } = await import("llmlab");
  const { calcPrice } = await import("@pydantic/genai-prices");
  const theirs = { input_tokens: 1_000, cache_read_tokens: 200, output_tokens: 500 };
  const times = interleaved({
    llmlab: () => cost("openai", "gpt-5-mini", { usage: { input: 1_000, cacheRead: 200, output: 500 } }).total,
    "genai-prices": () => calcPrice(theirs, "gpt-5-mini", { providerId: "openai" }).total_price,
  });
  if (cost("openai", "gpt-5-mini", { inputTokens: 1_000 }).total === null) throw new Error("nothing was priced");
  const { llmlab: ours, ...peers } = times;
  return { name: "price one call", ours, budget: PRICE_BUDGET_US, peers };
}
