/** Backends on loopback, which speak docs/protocol.md or do not. */

import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Server as SocketServer } from "node:net";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";

/** Takes what it is sent. */
export class Backend {
  /** By their ids. */
  readonly events = new Map<string, unknown>();

  async listen(context: TestContext): Promise<string> {
    return listen(
      context,
      createServer((request, response) => {
        const pieces: Buffer[] = [];
        request.on("data", (piece: Buffer) => pieces.push(piece));
        request.on("end", () => {
          const body = Buffer.concat(pieces);
          const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
          const batch = JSON.parse(text.toString()) as { batch_id: string; events: { id: string }[] };
          const known = this.events.size;
          for (const event of batch.events) {
            this.events.set(event.id, event);
          }
          const stored = this.events.size - known;
          const duplicates = batch.events.length - stored;
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify({ batch_id: batch.batch_id, stored, duplicates, rejected: [] }));
        });
      }),
    );
  }
}

/** An address where nobody listens. */
export async function refused(): Promise<string> {
  const server = createSocketServer();
  const url = await addressed(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

/** The address of a server that takes connections and never answers. */
export function silent(context: TestContext): Promise<string> {
  return listen(context, createSocketServer());
}

async function listen(context: TestContext, server: Server | SocketServer): Promise<string> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket: { destroy(): void }) => sockets.add(socket));
  context.after(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  return addressed(server);
}

async function addressed(server: Server | SocketServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
