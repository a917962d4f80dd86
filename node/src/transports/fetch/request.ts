/** What a call of `fetch` asks for, and how it is asked for with a dispatcher of ours. */

import { begin } from "../../exchange";
import { swallow } from "../../guard";
import type { NativeExchange } from "../../native";

type Arguments = Parameters<typeof globalThis.fetch>;
type Options = Omit<RequestInit, "dispatcher"> & { dispatcher?: unknown };
type Body = string | Uint8Array | null;

/** A call of `fetch` that is one to a model. */
export class Asked {
  constructor(
    readonly exchange: NativeExchange,
    readonly method: string,
    /** What is known of the body without reading anything that the program meant for the provider. */
    readonly body: Body,
    /** Whether `body` is all that is sent. */
    readonly isWhole: boolean,
    readonly signal: AbortSignal | null | undefined,
    /** The program's own, if it gave one. */
    readonly dispatcher: unknown,
    readonly args: Arguments,
  ) {}

  /** The arguments, with this dispatcher; the program's where it may have one that cannot be seen. */
  with(dispatcher: object): Arguments {
    const [input, init] = this.args;
    try {
      if (isRequest(input)) {
        if (init?.dispatcher === undefined && this.dispatcher === undefined && hidesDispatcher(input)) {
          return this.args;
        }
        return given(
          input,
          init === undefined || isEmpty(init) ? { ...referrerOf(input), dispatcher } : over(init, dispatcher),
        );
      }
      return given(input, init === undefined || init === null ? { dispatcher } : over(init, dispatcher));
    } catch (error) {
      swallow("fetch request", error);
      return this.args;
    }
  }
}

/** A dispatcher is no option that the standard knows. */
function given(input: Arguments[0], init: Options): Arguments {
  return [input, init as RequestInit];
}

/** What is asked for; `null` if it is no call to a model, or is refused whatever it is. Never throws. */
export function asked(args: Arguments): Asked | null {
  try {
    const [input, init] = args as [unknown, Options | null | undefined];
    if (init !== undefined && init !== null && typeof init !== "object") {
      return null;
    }
    const request = isRequest(input) ? input : undefined;
    const url = typeof input === "string" ? input : input instanceof URL ? input.href : request?.url;
    const method = init?.method ?? request?.method ?? "GET";
    const signal = init?.signal ?? request?.signal;
    if (typeof url !== "string" || typeof method !== "string" || signal?.aborted === true) {
      return null;
    }
    const given = init?.body;
    const body = atHand(given);
    const upper = method.toUpperCase();
    const exchange = begin(upper, url, body, null);
    if (exchange === null) {
      return null;
    }
    const isWhole = typeof given === "string" || given instanceof Uint8Array || given instanceof ArrayBuffer;
    const dispatcher = init?.dispatcher ?? (request === undefined ? undefined : dispatcherOf(request));
    return new Asked(exchange, upper, body, isWhole, signal, dispatcher ?? undefined, args);
  } catch (error) {
    swallow("fetch request", error);
    return null;
  }
}

/** The body, if it is in memory. A form is told by its fields; streams, blobs and files are the provider's to read. */
function atHand(body: unknown): Body {
  if (typeof body === "string" || body instanceof Uint8Array) {
    return body;
  }
  if (body === undefined || body === null) {
    return null;
  }
  if (body instanceof ArrayBuffer) {
    return new Uint8Array(body);
  }
  if (ArrayBuffer.isView(body)) {
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  }
  return body instanceof FormData ? formText(body) : null;
}

const MAX_FIELD_CHARS = 1_000;

function formText(form: FormData): string {
  let text = "";
  for (const [name, value] of form) {
    const told = typeof value === "string" ? value.slice(0, MAX_FIELD_CHARS) : "";
    text += `--form\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${told}\r\n`;
  }
  return text;
}

function isRequest(input: unknown): input is Request {
  return (
    typeof input === "object" && input !== null && !(input instanceof URL) && typeof (input as Request).url === "string"
  );
}

/** The dispatcher with which a request was made, where Node shows it (20, 22). */
function dispatcherOf(request: Request): unknown {
  const symbol = Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === "dispatcher");
  return symbol === undefined ? undefined : (request as unknown as Record<symbol, unknown>)[symbol];
}

/** Whether a request may have been made with a dispatcher that nobody can see (24); before 20, it is not kept. */
function hidesDispatcher(request: Request): boolean {
  const major = Number(process.versions.undici?.split(".")[0]);
  return major !== 5 && !Object.getOwnPropertySymbols(request).some((symbol) => symbol.description === "dispatcher");
}

function isEmpty(init: object): boolean {
  return Object.keys(init).length === 0;
}

/** Any option at all makes `fetch` forget the referrer of a request. */
function referrerOf(request: Request): Options {
  return request.referrer === "about:client" && request.referrerPolicy === ""
    ? {}
    : { referrer: request.referrer, referrerPolicy: request.referrerPolicy };
}

/** The options with another dispatcher. They are read once, as `fetch` reads them, if they are a plain object. */
function over(init: object, dispatcher: object): Options {
  const prototype: unknown = Object.getPrototypeOf(init);
  if (prototype === Object.prototype || prototype === null) {
    return { ...init, dispatcher };
  }
  return new Proxy(init, {
    get: (target, key) => (key === "dispatcher" ? dispatcher : Reflect.get(target, key)),
    has: (target, key) => key === "dispatcher" || Reflect.has(target, key),
  });
}
