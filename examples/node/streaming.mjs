// Streams: what one costs is known when it ends, and nothing of it is held back.
//
// python3 examples/stand_in.py node examples/node/streaming.mjs

import Anthropic from "@anthropic-ai/sdk";
import * as llmlab from "llmlab";
import OpenAI from "openai";

llmlab.init({ project: "streaming" });

const messages = [{ role: "user", content: "Where is my parcel?" }];

await llmlab.track({ feature: "openai" }, async (spent) => {
  const stream = await new OpenAI().chat.completions.create({
    model: "gpt-5-mini",
    messages,
    stream: true,
    // OpenAI's own servers are asked by llmlab, and what that adds is taken out again.
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  }
  console.log(`\n$${spent.cost}`);
});

await llmlab.track({ feature: "anthropic" }, async (spent) => {
  const asked = { model: "claude-sonnet-4-6", max_tokens: 500, messages };
  const stream = new Anthropic().messages.stream(asked);
  stream.on("text", (text) => process.stdout.write(text));
  await stream.finalMessage();
  console.log(`\n$${spent.cost}`);
});
