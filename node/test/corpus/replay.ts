/**
 * The internet on this machine: every name leads here, and whatever is asked is answered with the case in play.
 *
 * So host, path and query of a request are the real ones, and the provider is told as in real life. TLS is missing, and
 * the port is ours. HTTP/1.1 and HTTP/2 are spoken on the one port: the SDK of Amazon's takes HTTP/2.
 */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import http from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import net from "node:net";
import { mock } from "node:test";
import { pieces } from "./pieces";
import type { Case } from "./recording";

const dns = require("node:dns") as typeof import("node:dns");

/** The server; one case at a time. */
export class Replay {
  /** Whose answer the next requests get. */
  case: Case | undefined;
  requests = 0;
  readonly #open = new Set<Socket>();
  // A slow machine leaves connections idle for long; one that is closed then is a request more.
  readonly #http1 = http.createServer({ keepAliveTimeout: 0 }, (request, response) => this.#answer(request, response));
  readonly #http2 = http2.createServer((request, response) => this.#answer(request, response));
  readonly #server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Starts it, and leads every name to it. */
  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    mock.method(dns, "lookup", (_host: string, options: { all?: boolean }, answer: (...found: unknown[]) => void) =>
      process.nextTick(() =>
        options.all ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4),
      ),
    );
  }

  /** Ends it with all connections, those that SDKs keep alive among them. */
  stop(): void {
    mock.restoreAll();
    this.#server.close();
    for (const socket of this.#open) {
      socket.destroy();
    }
  }

  #accept(socket: Socket): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.once("readable", () => {
      const start: Buffer | null = socket.read();
      if (start !== null) {
        socket.unshift(start);
        const spoken = start.subarray(0, 3).toString() === "PRI" ? this.#http2 : this.#http1;
        spoken.emit("connection", socket);
      }
    });
  }

  async #answer(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) {
    const playing = this.case;
    this.requests += 1;
    for await (const _ of request) {
      // Answered when it was sent entirely, as by a real one.
    }
    if (playing === undefined) {
      throw new Error("no case in play");
    }
    // Else answers differ by the second that they come in.
    response.sendDate = false;
    response.statusCode = playing.recorded.status;
    for (const [name, value] of Object.entries(playing.recorded.response_headers)) {
      response.setHeader(name, value);
    }
    const write = response.write.bind(response) as (piece: Buffer) => boolean;
    const parts = playing.streams
      ? pieces(playing.answer, playing.recorded.response_headers["content-type"] ?? "")
      : [];
    for (const piece of parts) {
      write(piece);
    }
    response.end(playing.streams ? "" : playing.answer);
  }
}
