/**
 * Taps, one file for each HTTP client. A tap observes a client; it understands no provider.
 *
 * A transport has `tap()` and `untap()`, which may be called again at any time. It finds what it needs by feature, and
 * refuses a client of another shape with an error, which becomes one warning.
 */

/** A file of this folder. */
export interface Transport {
  /** Taps the client in this thread. */
  tap(): void;
  /** Puts it back. */
  untap(): void;
}

/** By the names that warnings have. */
export const TRANSPORTS: Readonly<Record<string, () => Transport>> = {
  fetch: () => require("./fetch") as Transport,
  undici: () => require("./undici") as Transport,
  http: () => require("./http") as Transport,
  http2: () => require("./http2") as Transport,
};
