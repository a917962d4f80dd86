/**
 * The SDKs that people use. Of each: `ask` gives what the SDK's own method gives, an answer or something to iterate over.
 * Where bodies cannot be given whole, the least is asked that is asked of the same model in the same way.
 */

import { Readable } from "node:stream";
import type { Case } from "../recording";
import * as anthropic from "./anthropic";
import * as aws from "./aws";
import * as cohere from "./cohere";
import * as google from "./google";
import * as groq from "./groq";
import * as huggingface from "./huggingface";
import * as mistral from "./mistral";
import * as ollama from "./ollama";
import * as openai from "./openai";
import * as raw from "./raw";
import * as together from "./together";

interface Sdk {
  /** What figures call it. */
  readonly PACKAGE: string;
  ask(played: Case): Promise<unknown>;
}

const FETCH: Sdk = { PACKAGE: "fetch", ask: raw.throughFetch };

const OF_PROVIDER: Readonly<Record<string, Sdk>> = {
  anthropic,
  bedrock: aws,
  cohere,
  google,
  groq,
  huggingface,
  mistral,
  ollama,
  together,
  vertex: google,
  // Nobody takes an SDK for Voyage; Writer's answers are in nobody's format.
  voyage: FETCH,
  writer: FETCH,
};

/** The provider's own SDK, else OpenAI's, which the others tell their users to take. */
export async function throughSdk(played: Case): Promise<unknown> {
  const answer = await sdk(played).ask(played);
  return isIterable(answer) ? Readable.from(answer).toArray() : answer;
}

/** The package that asks for a case. */
export function packageOf(played: Case): string {
  return sdk(played).PACKAGE;
}

/** Whether its SDK gives `fetch` a `Request`: of one, nobody but the provider reads the body. */
export function hidesBody({ provider, api }: Case): boolean {
  return provider === "mistral" || api === "interactions";
}

function sdk(played: Case): Sdk {
  if (played.api === "rawPredict" || (played.api === "invoke" && played.model.includes("anthropic."))) {
    return anthropic;
  }
  if (["google", "ollama"].includes(played.provider) && played.api === "chat.completions") {
    return openai;
  }
  return OF_PROVIDER[played.provider] ?? openai;
}

function isIterable(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}
