/** Together's SDK. */

import Together from "together-ai";
import type { Case } from "../recording";

export const PACKAGE = "together-ai";

export async function ask(played: Case): Promise<unknown> {
  const client = new Together({ baseURL: `${played.origin}/v1`, apiKey: "x", maxRetries: 0 });
  const { model, streaming: stream } = played;
  if (played.api === "completions") {
    return client.completions.create({ model, prompt: "hi", stream });
  }
  return client.chat.completions.create({ model, messages: [{ role: "user", content: "hi" }], stream });
}
