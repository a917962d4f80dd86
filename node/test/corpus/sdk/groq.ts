/** Groq's SDK. */

import Groq from "groq-sdk";
import type { Case } from "../recording";

export const PACKAGE = "groq-sdk";

export async function ask(played: Case): Promise<unknown> {
  const client = new Groq({ baseURL: played.origin, apiKey: "x", maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "hi" }];
  return client.chat.completions.create({ model: played.model, messages, stream: played.streaming });
}
