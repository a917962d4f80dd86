/** Anthropic's SDKs: its own, and those for Claude on Vertex AI and on Bedrock. */

import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";
import Anthropic from "@anthropic-ai/sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import type { Case } from "../recording";
import { credentials } from "./google";

export const PACKAGE = "@anthropic-ai/sdk";

function client(played: Case): Anthropic {
  const options = { baseURL: played.origin, maxRetries: 0 };
  if (played.provider === "vertex") {
    const baseURL = `${played.origin}/v1`;
    const where = { region: "us-east5", projectId: "PROJECT", authClient: credentials() };
    return new AnthropicVertex({ ...options, ...where, baseURL }) as unknown as Anthropic;
  }
  if (played.provider === "bedrock") {
    const keys = { awsAccessKey: "x", awsSecretKey: "x", awsRegion: "us-east-1" };
    return new AnthropicBedrock({ ...options, ...keys }) as unknown as Anthropic;
  }
  return new Anthropic({ apiKey: "x", ...options });
}

export async function ask(played: Case): Promise<unknown> {
  const { stream: _, anthropic_version: __, ...asked } = played.asked;
  const { messages } = client(played);
  const body = { max_tokens: 16, messages: [], ...asked, model: played.model };
  if (played.api === "count_tokens") {
    const { max_tokens: ___, ...counted } = body;
    return messages.countTokens(counted);
  }
  return messages.create({ ...body, stream: played.streaming });
}
