/** Names in two spellings: JavaScript's, and the one that the core, the events and the files have. */

/** `cacheRead` for `cache_read`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `cache_read` for `cacheRead`, and for `cache_read`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]|(?<=[a-z])\d/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The functions that messages of the core may send a user to. */
const FUNCTIONS = /\b(?:read_usage|record_response|register_provider|set_model|set_price|track_call|track_cost)\b/g;

/** A message of the core with the functions by the names that they have here. */
export function inJavaScript(message: string): string {
  return message.replace(FUNCTIONS, (name) => camelCase(name));
}
