/** OpenAI's SDK, which is also Azure's, and that of everybody who speaks its dialect. */

import OpenAI, { AzureOpenAI, toFile } from "openai";
import type { Case } from "../recording";

export const PACKAGE = "openai";

const PATH_ENDS: Readonly<Record<string, string>> = {
  "audio.transcriptions": "/audio/transcriptions",
  "chat.completions": "/chat/completions",
  completions: "/completions",
  embeddings: "/embeddings",
  images: "/images/edits",
  moderations: "/moderations",
  responses: "/responses",
};

function client(played: Case): OpenAI {
  const options = { apiKey: "x", maxRetries: 0 };
  if (played.provider === "azure-openai" && played.url.includes("/deployments/")) {
    const apiVersion = new URL(played.url).searchParams.get("api-version") ?? "";
    return new AzureOpenAI({ endpoint: played.origin, apiVersion, ...options });
  }
  return new OpenAI({ baseURL: played.base(PATH_ENDS[played.api] ?? ""), ...options });
}

export async function ask(played: Case): Promise<unknown> {
  const openai = client(played);
  const { model } = played;
  // What was recorded is sent as it was, also what no type of the SDK knows.
  const body = { ...played.asked, model, ...(played.streaming && { stream: true as const }) };
  switch (played.api) {
    case "chat.completions":
      return openai.chat.completions.create({ messages: [], ...body });
    case "completions":
      return openai.completions.create({ prompt: "", ...body });
    case "responses":
      return openai.responses.create({ input: "", ...body });
    case "embeddings":
      return openai.embeddings.create({ input: "", ...body });
    case "audio.transcriptions": {
      const file = await toFile(Buffer.from("RIFF"), "a.wav");
      const { transcriptions } = openai.audio;
      const asked = { model: "whisper-1", file };
      return played.streaming ? transcriptions.create({ ...asked, stream: true }) : transcriptions.create(asked);
    }
    case "images":
      return openai.images.edit({ model, image: await toFile(Buffer.from("RIFF"), "a.png"), prompt: "a cat" });
    case "moderations":
      return openai.moderations.create({ input: "hi" });
    default:
      throw new Error(played.api);
  }
}
