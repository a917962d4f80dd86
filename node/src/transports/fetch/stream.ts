/** A stream of the web that is observed in place: whatever reads it, reads through methods of its own. */

import { override } from "../patch";
import type { Branch } from "./branch";
import { guarded } from "./bytes";

interface Piece {
  readonly done?: boolean;
  readonly value?: unknown;
}

interface Reader {
  read(): Promise<Piece>;
  cancel(reason?: unknown): Promise<void>;
}

export function isWebStream(body: unknown): body is ReadableStream {
  return typeof (body as { getReader?: unknown } | null | undefined)?.getReader === "function";
}

/** Whether it can be observed. */
export function observeStream(stream: ReadableStream, branch: Branch): boolean {
  const isObserved = override(stream, "getReader", (original) => (...args) => {
    const reader = original(...args);
    guarded(() => observeReader(reader as Reader, branch));
    return reader;
  });
  override(stream, "cancel", (original) => cancelled(original, branch));
  override(stream, "tee", (original) => () => {
    const branches = original() as [ReadableStream, ReadableStream];
    guarded(() => observeStream(branches[0], branch) && observeStream(branches[1], branch.fork()));
    return branches;
  });
  for (const name of ["values", Symbol.asyncIterator]) {
    override(stream, name, (original) => (...args) => {
      const iterator = original(...args);
      const keeps = (args[0] as { preventCancel?: unknown } | undefined)?.preventCancel === true;
      guarded(() => observeIterator(iterator as object, branch, keeps));
      return iterator;
    });
  }
  override(stream, "pipeTo", (original) => (...args) => {
    const [to, options] = args as Parameters<ReadableStream["pipeTo"]>;
    return canRelay(stream, to, options) ? relay(stream).pipeTo(to, options) : original(...args);
  });
  override(stream, "pipeThrough", (original) => (...args) => {
    const [pair, options] = args as Parameters<ReadableStream["pipeThrough"]>;
    return pair?.readable instanceof ReadableStream && canRelay(stream, pair.writable, options)
      ? relay(stream).pipeThrough(pair, options)
      : original(...args);
  });
  return isObserved;
}

type Method = (...args: unknown[]) => unknown;

function observeReader(reader: object, branch: Branch): void {
  override(reader, "read", (original) => reading(original, branch));
  override(reader, "cancel", (original) => cancelled(original, branch));
}

function observeIterator(iterator: object, branch: Branch, keeps: boolean): void {
  override(iterator, "next", (original) => reading(original, branch));
  if (!keeps) {
    override(iterator, "return", (original) => cancelled(original, branch));
  }
}

function reading(original: Method, branch: Branch): Method {
  return (...args) =>
    (original(...args) as Promise<Piece>).then(
      (piece) => {
        guarded(() => {
          branch.piece(piece.value);
          if (piece.done === true) {
            branch.whole(null);
          }
        });
        return piece;
      },
      (error: unknown) => {
        // A reader that was released is refused, and another one reads on.
        guarded(() => (error instanceof TypeError && error.cause === undefined) || branch.fail(error));
        throw error;
      },
    );
}

function cancelled(original: Method, branch: Branch): Method {
  return (...args) => {
    guarded(() => branch.close());
    return original(...args);
  };
}

/** A pipe reads by means that nobody sees, and refuses what is locked. Who keeps the source open wants it unread. */
function canRelay(
  stream: ReadableStream,
  to: unknown,
  options: { preventCancel?: boolean | undefined } | undefined,
): boolean {
  return (
    stream instanceof ReadableStream &&
    !stream.locked &&
    to instanceof WritableStream &&
    !to.locked &&
    options?.preventCancel !== true
  );
}

/** The same stream, read through its methods, and never ahead. */
function relay(stream: ReadableStream): ReadableStream {
  const reader: Reader = stream.getReader();
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (done === true) {
          controller.close();
        } else {
          controller.enqueue(value);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
