/** Hugging Face's SDK, for its router. */

import { InferenceClient } from "@huggingface/inference";
import type { Case } from "../recording";

export const PACKAGE = "@huggingface/inference";

export async function ask(played: Case): Promise<unknown> {
  const client = new InferenceClient("x", { endpointUrl: played.base("/chat/completions") });
  const asked = { model: played.model, messages: [{ role: "user", content: "hi" }] };
  return played.streaming ? client.chatCompletionStream(asked) : client.chatCompletion(asked);
}
