/** Ollama's SDK. */

import { Ollama } from "ollama";
import type { Case } from "../recording";

export const PACKAGE = "ollama";

export async function ask(played: Case): Promise<unknown> {
  const client = new Ollama({ host: played.origin });
  const { model, streaming } = played;
  if (played.api === "ollama.generate") {
    const asked = { model, prompt: "hi" };
    return streaming ? client.generate({ ...asked, stream: true }) : client.generate(asked);
  }
  const asked = { model, messages: [{ role: "user", content: "hi" }] };
  return streaming ? client.chat({ ...asked, stream: true }) : client.chat(asked);
}
