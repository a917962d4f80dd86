/** Vercel's AI SDK: one interface, a package for each provider, all of them on the global `fetch`. */

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { type EmbeddingModel, embed, generateText, type LanguageModel, streamText } from "ai";
import type { Case } from "../recording";

const PATH_ENDS: Readonly<Record<string, string>> = {
  "chat.completions": "/chat/completions",
  embeddings: "/embeddings",
  generateContent: "",
  messages: "/messages",
  converse: "",
  responses: "/responses",
};

/** Whether it has a package for the service and a function for the operation. */
export function vercelHas({ api, provider, recorded }: Case): boolean {
  const packaged = !["azure-openai", "bedrock-mantle", "cohere", "mistral", "vertex", "voyage"].includes(provider);
  return packaged && api in PATH_ENDS && recorded.model_requested !== null;
}

export async function throughVercel(played: Case): Promise<unknown> {
  const asked = { prompt: "hi", maxRetries: 0 };
  if (played.api === "embeddings") {
    const { embedding, usage } = await embed({ model: embedder(played), value: "hi", maxRetries: 0 });
    return { embedding, usage };
  }
  if (!played.streaming) {
    const { text, finishReason, usage, content } = await generateText({ model: model(played), ...asked });
    return { text, finishReason, usage, content: content.map(({ type }) => type) };
  }
  const parts: unknown[] = [];
  for await (const part of streamText({ model: model(played), ...asked, onError: () => {} }).fullStream) {
    // Some ids are made up anew each time.
    const { text, finishReason, usage, error } = { text: "", finishReason: "", usage: {}, error: null, ...part };
    parts.push([part.type, text, finishReason, usage, error]);
  }
  return parts;
}

function model(played: Case): LanguageModel {
  const name = played.model.replace(/^models\//, "");
  const { provider, api } = played;
  if (provider === "anthropic") {
    return createAnthropic({ apiKey: "x", baseURL: played.base("/messages") })(name);
  }
  if (api === "generateContent") {
    return createGoogleGenerativeAI({ apiKey: "x", baseURL: `${played.origin}/v1beta` })(name);
  }
  if (provider === "bedrock") {
    const keys = { region: "us-east-1", accessKeyId: "x", secretAccessKey: "x" };
    return createAmazonBedrock({ baseURL: played.origin, ...keys })(name);
  }
  if (api === "responses") {
    return createOpenAI({ apiKey: "x", baseURL: played.base("/responses") }).responses(name);
  }
  const baseURL = played.base("/chat/completions");
  if (provider === "openai") {
    return createOpenAI({ apiKey: "x", baseURL }).chat(name);
  }
  return createOpenAICompatible({ name: provider, apiKey: "x", baseURL })(name);
}

function embedder(played: Case): EmbeddingModel {
  return createOpenAI({ apiKey: "x", baseURL: played.base("/embeddings") }).embedding(played.model);
}
