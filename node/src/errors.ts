/** The errors that llmlab throws, where it may throw at all. */

import { told } from "./guard";
import { inJavaScript } from "./names";

/**
 * An error of llmlab: a message that names the value and the fix, and a `code` that never changes.
 *
 * Thrown by `init`, `new LLMLab`, `cost`, `models`, `readUsage`, `setPrice`, `setModel` and `registerProvider`, and what
 * the promise of `summary` is rejected with. What records never throws.
 *
 * @example
 * ```ts
 * try {
 *   llmlab.cost("openai", "gpt-4", { inputTokens: -1 });
 * } catch (error) {
 *   assert.ok(error instanceof llmlab.LlmlabError && error.code === "invalid_usage");
 * }
 * ```
 */
export class LlmlabError extends Error {
  /** A stable word, such as `invalid_usage`; the same in every language. */
  readonly code: string;

  constructor(message: string, code = "internal") {
    super(message);
    this.code = code;
  }

  static {
    Object.defineProperty(LlmlabError.prototype, "name", { value: "LlmlabError", writable: true, configurable: true });
  }
}

/** An option, a config file or a price file that cannot be used. */
export class ConfigError extends LlmlabError {
  static {
    Object.defineProperty(ConfigError.prototype, "name", { value: "ConfigError", writable: true, configurable: true });
  }
}

/** The error of a code of the core. */
export function errorOf(code: string, message: string): LlmlabError {
  const isOfConfig = code === "invalid_config" || code === "invalid_prices";
  return new (isOfConfig ? ConfigError : LlmlabError)(inJavaScript(message), code);
}

/** An error of a question, or what it stands for where an argument was refused before the core saw it. */
export function misasked(question: string, error: unknown): LlmlabError {
  if (error instanceof LlmlabError) {
    return error;
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  // The addon's own refusals have codes such as `StringExpected`.
  if (error instanceof Error && typeof code === "string" && /^[a-z_]+$/.test(code)) {
    return errorOf(code, error.message);
  }
  return new LlmlabError(`an argument of ${question} cannot be read: ${told(error)}`, "invalid_usage");
}

/** The answer to a question, or what its asker is thrown. */
export function answered<T>(question: string, answer: () => T): T {
  try {
    return answer();
  } catch (error) {
    throw misasked(question, error);
  }
}
