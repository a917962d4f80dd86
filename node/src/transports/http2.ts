/**
 * Taps `node:http2`, over which the AWS SDK reaches Bedrock: `request` of the class of all client sessions. Node does not
 * export that class, so `connect` is patched as well, and tells it at the first session that is made. (Who has taken `connect`
 * out of the module before the tap is seen from the first session on that anybody else makes.)
 *
 * A stream that may be a call is observed like a request of `node:http` and its response: on this one object, by the
 * methods that Node itself calls. Node hands a body to the stream as soon as it is here, and emits the head a tick later,
 * so that pieces may have to wait for the head.
 */

import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import http2 from "node:http2";
import { syncBuiltinESMExports } from "node:module";
import { say, swallow } from "../guard";
import type { NativeExchange } from "../native";
import { native } from "../native";
import { Call } from "./call";
import { tellingMembers } from "./headers";
import type { Method, Patch } from "./patch";
import { override, Patches } from "./patch";

/** By which a server says that it has not begun to work on a request. */
const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = http2.constants;

const patches = new Patches();

/** Patches `connect`, and later the class of the sessions. */
export function tap(): void {
  patches.put([[http2, "connect", connecting]]);
  syncBuiltinESMExports(); // for who imports it by name
}

/** Puts both back. */
export function untap(): void {
  patches.take();
  syncBuiltinESMExports();
}

function connecting(original: Method, patch: Patch): Method {
  return function (this: unknown, ...args: unknown[]): unknown {
    const session = original.apply(this, args) as ClientHttp2Session;
    if (patch.active) {
      guarded(() => patches.put([[Object.getPrototypeOf(session), "request", requesting]]));
    }
    return session;
  };
}

function requesting(original: Method, patch: Patch): Method {
  return function (this: unknown, ...args: unknown[]): unknown {
    const stream = original.apply(this, args) as ClientHttp2Stream;
    if (patch.active) {
      guarded(() => {
        const headers = stream.sentHeaders;
        const method = String(headers[":method"]);
        const url = `${headers[":scheme"]}://${headers[":authority"] ?? headers.host}${headers[":path"]}`;
        if (native().concerns(method, url)) {
          observe(stream, method, url);
        }
      });
    }
    return stream;
  };
}

function observe(stream: ClientHttp2Stream, method: string, url: string): void {
  const call = new Call({
    method,
    url,
    headers: () => stream.sentHeaders,
    contentLength: () => stream.sentHeaders["content-length"],
  });
  if (stream.writableEnded) {
    call.ended(null, null);
  }
  for (const [name, tell] of [
    ["write", "wrote"],
    ["end", "ended"],
  ] as const) {
    override(stream, name, (original) => (...args) => {
      const isOpen = !stream.writableEnded && !stream.closed;
      const done = original.apply(stream, args);
      if (isOpen) {
        guarded(() => call[tell](args[0], args[1]));
      }
      return done;
    });
  }
  const body = new Body(stream, call);
  const broken = (error: unknown) => {
    if (stream.pending || stream.rstCode === NGHTTP2_REFUSED_STREAM) {
      call.unsent();
    } else if (stream.rstCode !== NGHTTP2_NO_ERROR) {
      call.broke(error ?? null);
    } else if (body.isWhole) {
      return; // its head may still be told
    } else if (hasLostItsSocket(stream)) {
      call.broke(error ?? null);
    } else {
      call.destroyed(error);
    }
  };
  before(stream, "emit", (event, value) => {
    if (event === "response") {
      const head = value as IncomingHttpHeaders;
      body.headed(call.answered(Number(head[":status"]), () => tellingMembers(head)));
    }
  });
  before(stream, "push", (piece) => body.pushed(piece as Uint8Array | null));
  before(stream, "close", () => {
    if (!stream.closed) {
      broken(null);
    }
  });
  before(stream, "destroy", broken);
}

/** The body of a response, which may be here before its head is told. */
class Body {
  readonly #stream: ClientHttp2Stream;
  readonly #call: Call;
  #exchange: NativeExchange | null = null;
  /** What is to be done once the head is told. */
  #early: (() => void)[] = [];
  /** Whether all of it has come. */
  isWhole = false;

  constructor(stream: ClientHttp2Stream, call: Call) {
    this.#stream = stream;
    this.#call = call;
  }

  headed(exchange: NativeExchange | null): void {
    this.#exchange = exchange;
    for (const happen of this.#early.splice(0)) {
      happen();
    }
  }

  /** Node hands over a piece, or `null` for the end; also for that of a stream which was closed before its end. */
  pushed(piece: Uint8Array | null): void {
    if (piece !== null) {
      this.#onceHeaded(() => this.#exchange?.push(piece));
    } else if (!this.#stream.closed) {
      this.isWhole = true;
      this.#onceHeaded(() => say(this.#exchange?.complete() ?? null));
    } else if (!this.isWhole) {
      this.#call.broke(null);
    }
  }

  #onceHeaded(happen: () => void): void {
    if (this.#call.isAnswered) {
      happen();
    } else {
      this.#early.push(happen);
    }
  }
}

/** What happens before a method of the stream is called. */
function before(stream: ClientHttp2Stream, name: string, happens: (...args: unknown[]) => void): void {
  override(stream, name, (original) => (...args) => {
    guarded(() => happens(...args));
    return original.apply(stream, args);
  });
}

/** Node closes the streams of a session whose socket has closed. */
function hasLostItsSocket(stream: ClientHttp2Stream): boolean {
  return stream.session?.socket.destroyed ?? true;
}

function guarded(observe: () => void): void {
  try {
    observe();
  } catch (error) {
    swallow("node:http2", error);
  }
}
