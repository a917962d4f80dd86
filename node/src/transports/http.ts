/**
 * Taps `node:http` and `node:https`, and through them axios, node-fetch, got and the AWS SDK's `NodeHttpHandler`: what
 * `ClientRequest` inherits of `write` and `end`, through which every request passes however it was made.
 *
 * A request that may be a call, and its response, are then observed on these two objects alone, by the methods that Node
 * itself calls on them. No listener is added to them: it would change whether a body is read, and when. The response's body
 * is seen where the parser hands it to the stream, compressed as it came and before the program has asked for it.
 */

import { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { say, swallow } from "../guard";
import type { NativeExchange, Notices } from "../native";
import { native } from "../native";
import { Call } from "./call";
import { telling } from "./headers";
import type { Method, Patch } from "./patch";
import { override, Patches } from "./patch";

const patches = new Patches();

/** The requests of which pieces were written, and what they may be; `null` if they are no calls. */
const calls = new WeakMap<ClientRequest, Call | null>();

/** Taps the class of all requests. */
export function tap(): void {
  const wrap = (name: "wrote" | "ended") => (original: Method, patch: Patch) => seen(original, patch, name);
  patches.put([
    [ClientRequest.prototype, "write", wrap("wrote")],
    [ClientRequest.prototype, "end", wrap("ended")],
  ]);
}

/** Puts the class back; where somebody else has patched over the tap, it stays in and sees nothing. */
export function untap(): void {
  patches.take();
}

/** The method, which tells the call of a piece once Node has taken it. */
function seen(original: Method, patch: Patch, name: "wrote" | "ended"): Method {
  return function (this: unknown, ...args: unknown[]): unknown {
    const request = this as ClientRequest;
    const isOpen = patch.active && !request.writableEnded && !request.destroyed;
    const done = original.apply(request, args);
    if (isOpen) {
      try {
        callOf(request, name === "wrote")?.[name](args[0], args[1]);
      } catch (error) {
        swallow("node:http", error);
      }
    }
    return done;
  };
}

function callOf(request: ClientRequest, isAskedAgain: boolean): Call | null {
  const known = calls.get(request);
  if (known !== undefined) {
    return known;
  }
  const url = urlOf(request);
  const call = native().concerns(request.method, url) ? observed(request, url) : null;
  if (isAskedAgain) {
    calls.set(request, call);
  }
  return call;
}

/** A request to a proxy says itself where it goes; else the header `host` does, if there is one. */
function urlOf(request: ClientRequest): string {
  const { path } = request;
  return path.startsWith("/") ? `${request.protocol}//${request.getHeader("host") ?? request.host}${path}` : path;
}

function observed(request: ClientRequest, url: string): Call {
  const call = new Call({
    method: request.method,
    url,
    headers: () => request.getHeaders(),
    contentLength: () => request.getHeader("content-length"),
  });
  const connection = new Connection(request.socket);
  const emitted = (event: unknown, value: unknown) => {
    if (event === "socket") {
      connection.is(value as Socket);
    } else if (event === "response" && value instanceof IncomingMessage) {
      const exchange = call.answered(value.statusCode ?? 0, () => telling(value.rawHeaders));
      if (exchange !== null) {
        observe(value, exchange, call);
      }
    } else if (event === "response") {
      call.unsent(); // a mock has answered
    } else if (event === "upgrade" || event === "connect") {
      call.unsent();
    } else if ((event === "error" && isOver(request)) || (event === "close" && !call.isAnswered)) {
      if (connection.isMade || call.isAnswered) {
        call.broke(value);
      } else {
        call.unsent();
      }
    }
  };
  override(request, "emit", (emit) => (...args) => {
    guarded(() => emitted(args[0], args[1]));
    return emit.apply(request, args);
  });
  override(request, "destroy", (destroy) => (...args) => {
    guarded(() => (connection.isMade ? call.destroyed(args[0]) : call.unsent()));
    return destroy.apply(request, args);
  });
  return call;
}

/** Not every error is the end of a request: what is written after its end is only refused. */
function isOver({ destroyed, socket }: ClientRequest): boolean {
  return destroyed || socket?.destroyed === true || socket?.readableEnded === true;
}

/** Whether there is a connection, with its TLS if it has one: before, nothing is sent. */
class Connection {
  isMade = false;

  constructor(socket: Socket | null) {
    if (socket !== null) {
      this.is(socket);
    }
  }

  is(socket: Socket & { secureConnecting?: boolean }): void {
    const { connecting, secureConnecting } = socket;
    this.isMade = !connecting && !secureConnecting;
    if (!this.isMade) {
      socket.once(secureConnecting === undefined ? "connect" : "secureConnect", () => {
        this.isMade = true;
      });
    }
  }
}

/** Shows the body of a response to an exchange as it arrives, and ends the exchange where the body ends. */
function observe(response: IncomingMessage, exchange: NativeExchange, call: Call): void {
  override(response, "push", (push) => (...args) => {
    guarded(() => {
      const [piece] = args;
      if (piece instanceof Uint8Array) {
        exchange.push(piece);
      } else if (piece === null) {
        say(arrived(response, exchange));
      }
    });
    return push.apply(response, args);
  });
  override(response, "destroy", (destroy) => (...args) => {
    guarded(() => call.destroyed(args[0]));
    return destroy.apply(response, args);
  });
}

/** Node has nothing more to hand over. What nobody wants to read, it throws away unseen. */
function arrived(response: IncomingMessage & { _dumped?: boolean }, exchange: NativeExchange): Notices {
  if (response._dumped) {
    return exchange.closed();
  }
  return response.complete ? exchange.complete() : exchange.lost(null);
}

function guarded(observe: () => void): void {
  try {
    observe();
  } catch (error) {
    swallow("node:http", error);
  }
}
