// Vercel's AI SDK: a model with labels, and an agent whose steps are one sum.
//
// python3 examples/stand_in.py node examples/node/vercel_ai.mjs

import { openai } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import * as llmlab from "llmlab";
import { trackModel } from "llmlab/ai";

llmlab.init({ project: "vercel-ai" });

const model = trackModel(openai.chat("gpt-5-mini"), { feature: "support", user: "u-1842" });

await llmlab.track({}, async (spent) => {
  const { text } = await generateText({ model, prompt: "Where is my parcel?" });
  console.log(text);
  for await (const piece of streamText({ model, prompt: "And when will it be here?" }).textStream) {
    process.stdout.write(piece);
  }
  console.log(`\n${spent.calls} calls cost $${spent.cost}`);
});
