/** Google's SDK, for the Gemini API and for Vertex AI. To TypeScript it is an ECMAScript module only. */

import { OAuth2Client } from "google-auth-library";
import type { Case } from "../recording";

export const PACKAGE = "@google/genai";

/** Credentials for which nobody has to be asked. */
export function credentials(): OAuth2Client {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: "x" });
  return client;
}

async function client(played: Case) {
  const { GoogleGenAI } = await import("@google/genai");
  if (played.provider !== "vertex") {
    return new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: played.origin } });
  }
  const [, apiVersion = "", , project = "", , location = ""] = played.path.split("/");
  return new GoogleGenAI({
    vertexai: true,
    project,
    location,
    googleAuthOptions: { authClient: credentials() },
    httpOptions: { baseUrl: played.origin, apiVersion },
  });
}

export async function ask(played: Case): Promise<unknown> {
  const { models, caches, interactions } = await client(played);
  const model = played.model.replace(/^models\//, "");
  switch (played.api) {
    case "generateContent":
      return played.streaming
        ? models.generateContentStream({ model, contents: "hi" })
        : models.generateContent({ model, contents: "hi" });
    case "batchEmbedContents":
      return models.embedContent({ model, contents: ["hi", "there"] });
    case "countTokens":
      return models.countTokens({ model, contents: "hi" });
    case "cachedContents":
      return caches.create({ model, config: { ttl: "300s" } });
    case "interactions":
      return interactions.create({ model, input: "hi", stream: played.streaming });
    default:
      throw new Error(played.api);
  }
}
