/** What undici tells of an answer, observed on its way. One class for each of its two sets of words. */

import type { NativeExchange } from "../../native";
import { Answer } from "./answer";

type Unknowns = unknown[];

/** The words up to undici 7. */
interface ElderHandler {
  onConnect(abort: (reason?: unknown) => void, ...rest: Unknowns): unknown;
  onHeaders(status: number, headers: Buffer[], ...rest: Unknowns): unknown;
  onData(chunk: Uint8Array): unknown;
  onComplete(trailers: unknown): unknown;
  onError(error: unknown): unknown;
}

interface Controller {
  readonly aborted?: boolean;
  readonly rawHeaders?: Buffer[] | string[] | null;
}

type Headers = Record<string, string | string[]>;

/** The words from undici 7 on. */
interface YoungerHandler {
  onRequestStart(controller: Controller, context: unknown): unknown;
  onResponseStart(controller: Controller, status: number, headers: Headers, ...rest: Unknowns): unknown;
  onResponseData(controller: Controller, chunk: Uint8Array): unknown;
  onResponseEnd(controller: Controller, trailers: unknown): unknown;
  onResponseError(controller: Controller, error: unknown): unknown;
}

/** What undici may call beside those, if it is there. */
type Optional = Partial<
  Record<
    "onUpgrade" | "onRequestUpgrade" | "onResponseStarted" | "onBodySent" | "onRequestSent",
    (...args: Unknowns) => unknown
  >
>;

export type Handler = (ElderHandler | YoungerHandler) & Optional;

/** A handler of ours. */
export interface Observed {
  /** Whether the request was changed, so that its answer has to pass through the exchange. */
  isChanged: boolean;
}

/** The handler that tells another one everything, and an exchange what it has to know. */
export function observedBy(
  exchange: NativeExchange,
  handler: Handler,
  signal: AbortSignal | null | undefined,
): Handler & Observed {
  const answer = new Answer(exchange, signal);
  return "onConnect" in handler
    ? new Elder(answer, handler)
    : new Younger(answer, handler as YoungerHandler & Optional);
}

/** Whether a handler is such a one. */
export function isObserved(handler: object): boolean {
  return handler instanceof Base;
}

abstract class Base<H extends Optional> implements Observed {
  constructor(
    protected readonly answer: Answer,
    protected readonly inner: H,
  ) {}

  set isChanged(isChanged: boolean) {
    this.answer.isChanged = isChanged;
  }

  onUpgrade(...args: Unknowns): unknown {
    return this.inner.onUpgrade?.(...args);
  }

  onRequestUpgrade(...args: Unknowns): unknown {
    return this.inner.onRequestUpgrade?.(...args);
  }

  onResponseStarted(): unknown {
    return this.inner.onResponseStarted?.();
  }

  onBodySent(...args: Unknowns): unknown {
    return this.inner.onBodySent?.(...args);
  }

  onRequestSent(): unknown {
    return this.inner.onRequestSent?.();
  }
}

class Elder extends Base<ElderHandler & Optional> implements ElderHandler {
  onConnect(abort: (reason?: unknown) => void, ...rest: Unknowns): unknown {
    const { answer } = this;
    answer.isSent = true;
    const told = this.inner.onConnect(
      (reason) => {
        answer.isAborted = true;
        abort(reason);
      },
      ...rest,
    );
    // Who aborts at once does it before anything is sent.
    answer.isSent = !answer.isAborted;
    return told;
  }

  onHeaders(status: number, headers: Buffer[], ...rest: Unknowns): unknown {
    this.answer.head(status, headers);
    return this.inner.onHeaders(status, headers, ...rest);
  }

  onData(chunk: Uint8Array): unknown {
    const passed = this.answer.passed(chunk);
    return passed === null ? true : this.inner.onData(passed);
  }

  onComplete(trailers: unknown): unknown {
    const rest = this.answer.end();
    if (rest !== null) {
      this.inner.onData(rest);
    }
    return this.inner.onComplete(trailers);
  }

  onError(error: unknown): unknown {
    const rest = this.answer.fail(error);
    if (rest === null) {
      return this.inner.onError(error);
    }
    this.inner.onData(rest);
    return later(() => this.inner.onError(error));
  }
}

class Younger extends Base<YoungerHandler & Optional> implements YoungerHandler {
  onRequestStart(controller: Controller, context: unknown): unknown {
    const told = this.inner.onRequestStart(controller, context);
    this.answer.isSent = controller.aborted !== true;
    return told;
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, ...rest: Unknowns): unknown {
    this.answer.head(status, controller.rawHeaders ?? Object.entries(headers).flat(2));
    return this.inner.onResponseStart(controller, status, headers, ...rest);
  }

  onResponseData(controller: Controller, chunk: Uint8Array): unknown {
    const passed = this.answer.passed(chunk);
    return passed === null ? undefined : this.inner.onResponseData(controller, passed);
  }

  onResponseEnd(controller: Controller, trailers: unknown): unknown {
    const rest = this.answer.end();
    if (rest !== null) {
      this.inner.onResponseData(controller, rest);
    }
    return this.inner.onResponseEnd(controller, trailers);
  }

  onResponseError(controller: Controller, error: unknown): unknown {
    this.answer.isAborted = controller?.aborted === true;
    const rest = this.answer.fail(error);
    if (rest === null) {
      return this.inner.onResponseError(controller, error);
    }
    this.inner.onResponseData(controller, rest);
    return later(() => this.inner.onResponseError(controller, error));
  }
}

/** An error throws away what has just come, if it is told in the same breath. */
function later(tell: () => unknown): void {
  setImmediate(tell);
}
