// LangChain: a chain of two models, counted at the wire and told apart by feature.
//
// python3 examples/stand_in.py node examples/node/langchain.mjs

import { ChatAnthropic } from "@langchain/anthropic";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatOpenAI } from "@langchain/openai";
import * as llmlab from "llmlab";

llmlab.init({ project: "langchain" });

const draft = ChatPromptTemplate.fromTemplate("Answer this ticket: {ticket}")
  .pipe(new ChatOpenAI({ model: "gpt-5-mini" }))
  .pipe(new StringOutputParser());
const review = ChatPromptTemplate.fromTemplate("Is this polite? {answer}")
  .pipe(new ChatAnthropic({ model: "claude-sonnet-4-6" }))
  .pipe(new StringOutputParser());

await llmlab.track({ user: "ann" }, async (spent) => {
  const answer = await llmlab.track({ feature: "draft" }, () => draft.invoke({ ticket: "Where is my parcel?" }));
  await llmlab.track({ feature: "review" }, () => review.invoke({ answer }));
  console.log(`${spent.calls} calls cost $${spent.cost}`);
});
