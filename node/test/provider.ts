/** A provider on this machine in OpenAI's dialect. Every answer of `gpt-4` costs $0.06. */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const USAGE = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };

/** The message of an answer. */
export interface Message {
  readonly content?: string | null;
  readonly tool_calls?: readonly object[];
}

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly input?: string | readonly string[];
}

/** The server. */
export class Provider {
  /** The next answers; without one, it says "hi there". */
  readonly next: Message[] = [];
  /** A stream stops after its first words until the client goes away. */
  isHolding = false;
  /** How many of the next requests are too many. */
  refusals = 0;
  requests = 0;
  // A slow machine leaves connections idle for long; one that is closed then is a request more.
  readonly #server = createServer({ keepAliveTimeout: 0 }, (request, response) => void this.#answer(request, response));

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/v1`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const asked = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Asked;
    if (this.refusals > 0) {
      this.refusals -= 1;
      response.writeHead(429, { "content-type": "application/json", "retry-after-ms": "1" });
      response.end('{"error":{"type":"rate_limit_error","message":"slow down"}}');
      return;
    }
    if (request.url?.endsWith("/embeddings")) {
      const data = [asked.input].flat().map((_, index) => ({ object: "embedding", index, embedding: [0.5] }));
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          object: "list",
          model: asked.model,
          data,
          usage: { prompt_tokens: 1000, total_tokens: 1000 },
        }),
      );
      return;
    }
    const message = { role: "assistant", content: "hi there", ...this.next.shift() };
    const finish_reason = message.tool_calls ? "tool_calls" : "stop";
    const head = { id: `chatcmpl-${this.requests}`, created: 0, model: asked.model };
    if (!asked.stream) {
      const choices = [{ index: 0, finish_reason, message }];
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage: USAGE }));
      return;
    }
    response.setHeader("content-type", "text/event-stream");
    const say = (choices: object[], usage: object | null) =>
      response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, usage })}\n\n`);
    for (const word of (message.content ?? "").split(" ")) {
      say([{ index: 0, delta: { role: "assistant", content: `${word} ` }, finish_reason: null }], null);
    }
    if (this.isHolding) {
      return;
    }
    say([{ index: 0, delta: {}, finish_reason }], null);
    say([], USAGE);
    response.end("data: [DONE]\n\n");
  }
}
