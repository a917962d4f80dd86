/** Mistral's SDK, which is an ECMAScript module only. */

import type { Case } from "../recording";

export const PACKAGE = "@mistralai/mistralai";

export async function ask(played: Case): Promise<unknown> {
  const { Mistral } = await import("@mistralai/mistralai");
  const { chat, embeddings, audio } = new Mistral({ apiKey: "x", serverURL: played.origin });
  const { model } = played;
  switch (played.api) {
    case "chat.completions": {
      const asked = { model, messages: [{ role: "user" as const, content: "hi" }] };
      return played.streaming ? chat.stream(asked) : chat.complete(asked);
    }
    case "embeddings":
      return embeddings.create({ model, inputs: ["hi"] });
    default: {
      const file = { fileName: "a.wav", content: Buffer.from("RIFF") };
      return audio.transcriptions.complete({ model: "voxtral-mini-latest", file });
    }
  }
}
