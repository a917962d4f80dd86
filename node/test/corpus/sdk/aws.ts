/** Amazon's SDK for Bedrock, which takes HTTP/2. */

import { Readable } from "node:stream";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import type { Case } from "../recording";

export const PACKAGE = "@aws-sdk/client-bedrock-runtime";

export async function ask(played: Case): Promise<unknown> {
  const client = new BedrockRuntimeClient({
    endpoint: played.origin,
    region: "us-east-1",
    credentials: { accessKeyId: "x", secretAccessKey: "x" },
    maxAttempts: 1,
  });
  try {
    return await (played.api === "converse" ? converse(client, played) : invoke(client, played));
  } finally {
    client.destroy();
  }
}

async function converse(client: BedrockRuntimeClient, played: Case): Promise<unknown> {
  const input = { modelId: played.model, messages: [{ role: "user" as const, content: [{ text: "hi" }] }] };
  if (!played.path.endsWith("-stream")) {
    const { $metadata: _, ...answer } = await client.send(new ConverseCommand(input));
    return answer;
  }
  return Readable.from((await client.send(new ConverseStreamCommand(input))).stream ?? []).toArray();
}

async function invoke(client: BedrockRuntimeClient, played: Case): Promise<unknown> {
  const input = { modelId: played.model, body: JSON.stringify(played.asked) };
  if (!played.path.endsWith("-stream")) {
    return (await client.send(new InvokeModelCommand(input))).body.transformToString();
  }
  return Readable.from((await client.send(new InvokeModelWithResponseStreamCommand(input))).body ?? []).toArray();
}
