// A sink of your own: a function that is given what was recorded, in batches, beside the ledger.
//
// python3 examples/stand_in.py node examples/node/custom_sink.mjs

import * as llmlab from "llmlab";
import OpenAI from "openai";

function toMyWarehouse(events) {
  for (const { feature, model, usage, cost_usd } of events) {
    console.log(feature, model, usage.input, usage.output, cost_usd);
  }
}

llmlab.init({ project: "custom-sink", sinks: ["ledger", toMyWarehouse] });

const messages = [{ role: "user", content: "Where is my parcel?" }];
await llmlab.track({ feature: "support" }, () =>
  new OpenAI().chat.completions.create({ model: "gpt-5-mini", messages }),
);

// What it has not taken when the program ends is given to the next one that has a sink of this name.
await llmlab.flush();
