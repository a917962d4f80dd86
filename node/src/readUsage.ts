/** Reading the usage of a response without recording it. */

import { optionalText, strictOptions } from "./arguments";
import { LlmlabError } from "./errors";
import { shown } from "./guard";
import { native } from "./native";
import { wireOf } from "./record";
import type { UsageCounts } from "./usage";
import { namedCounts } from "./usage";

/** Options of `readUsage`. */
export interface ReadUsageOptions {
  /** Such as `chat.completions` or `messages`; told by the shape if not given. */
  api?: string | null | undefined;
}

/** The counts of a body; `null` where it has none. */
export function usageOf(
  provider: unknown,
  body: unknown,
  options: ReadUsageOptions | null | undefined,
): UsageCounts | null {
  const api = optionalText("api", strictOptions(options).api);
  const wire = wireOf(body);
  if (wire === null) {
    throw new LlmlabError(`body must be JSON text, bytes or an object, got ${shown(body)}`, "invalid_usage");
  }
  const counts = native().readUsage(optionalText("provider", provider), wire, api);
  return counts === null ? null : namedCounts(counts);
}
