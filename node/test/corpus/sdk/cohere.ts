/** Cohere's SDK, of both versions of its API. */

import { CohereClient, CohereClientV2 } from "cohere-ai";
import type { Case } from "../recording";

export const PACKAGE = "cohere-ai";

const MESSAGES = [{ role: "user" as const, content: "hi" }];

export async function ask(played: Case): Promise<unknown> {
  const options = { token: "x", baseUrl: played.origin, maxRetries: 0 };
  const { model } = played;
  const [v1, v2] = [new CohereClient(options), new CohereClientV2(options)];
  switch (played.api) {
    case "chat.v1":
      return played.streaming ? v1.chatStream({ message: "hi" }) : v1.chat({ message: "hi" });
    case "chat.v2":
      return played.streaming ? v2.chatStream({ model, messages: MESSAGES }) : v2.chat({ model, messages: MESSAGES });
    case "embeddings":
      return v1.embed({ model, texts: ["hi"], inputType: "search_document", embeddingTypes: ["float"] });
    case "generate":
      return v1.generate({ prompt: "hi", model });
    case "rerank":
      return v2.rerank({ model, query: "hi", documents: ["there", "here"] });
    default:
      throw new Error(played.api);
  }
}
