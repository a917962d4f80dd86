/** What a case must leave: the recording's own counts in our words, and the catalogue's price of them. */

import { isDeepStrictEqual } from "node:util";
import { cost } from "llmlab";
import type { CallEvent } from "../events";
import type { Case } from "./recording";

/** Cases that come out otherwise, each with the reason; at most one in a hundred. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
  "openrouter-chat-01": "beside what OpenRouter charges, its user's own key paid the provider",
};

/** The providers whose id is not the recording's word; nobody where the host is somebody's own. */
const IDS: Readonly<Record<string, string | null>> = {
  "azure-openai": "azure",
  "bedrock-mantle": "bedrock",
  gpustack: null,
  local: null,
  "vercel-gateway": "vercel",
};

/** Where we know a count that the recording's oracle, which reads fewer places, does not: those that it has agree. */
const TOLD_BESIDE: Readonly<Record<string, string>> = {
  "bedrock-invoke-stream-03": "its first usage, not its last, says that no cache was used",
  "together-chat-01": "`cached_tokens` stands beside the details",
  "together-chat-stream-01": "`cached_tokens` stands beside the details",
};

/** What the recording's words can say; searches and images are beside it. */
const COUNTED = [
  "input",
  "output",
  "cache_read",
  "cache_write_5m",
  "cache_write_1h",
  "reasoning",
  "audio_in",
  "audio_out",
] as const;

/** The counts of the recording; of an error, none. */
function usage({ recorded }: Case): Record<string, number> {
  const told = recorded.expected_tokens;
  if (told === null) {
    return {};
  }
  const { input_total: input, output_total: output, cache_read, cache_write_1h, reasoning, audio_in, audio_out } = told;
  const cache_write_5m = told.cache_write === null ? null : told.cache_write - (cache_write_1h ?? 0);
  return known({ input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, audio_in, audio_out });
}

function known(counts: Record<string, number | null | undefined>): Record<string, number> {
  const entries = Object.entries(counts).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return Object.fromEntries(entries);
}

/**
 * What is wrong with the calls that a case left, if anything.
 *
 * @param hidesBody the model that was asked for is told nowhere, only the one that answered
 */
export function difference(played: Case, calls: readonly CallEvent[], hidesBody: boolean): string | undefined {
  if (calls.length !== (played.free ? 0 : 1)) {
    return `${calls.length} calls`;
  }
  const differs = [usageDiffers, outcomeDiffers, nameDiffers, costDiffers];
  return calls
    .flatMap((call) => differs.map((differ) => differ(played, call, hidesBody)))
    .find((problem) => problem !== undefined);
}

function usageDiffers(played: Case, call: CallEvent): string | undefined {
  const expected = usage(played);
  const looked: readonly string[] = played.id in TOLD_BESIDE ? Object.keys(expected) : COUNTED;
  const counted = known(Object.fromEntries(looked.map((name) => [name, call.usage[name]])));
  return isDeepStrictEqual(counted, expected) ? undefined : `usage ${show(call.usage)} for ${show(expected)}`;
}

function outcomeDiffers(played: Case, call: CallEvent): string | undefined {
  if (call.status !== (played.failed ? "error" : "ok")) {
    return `status ${call.status}`;
  }
  return call.stream === played.streaming ? undefined : `stream ${call.stream}`;
}

function nameDiffers(played: Case, call: CallEvent, hidesBody: boolean): string | undefined {
  const provider = played.provider in IDS ? IDS[played.provider] : played.provider;
  if (call.provider !== provider) {
    return `provider ${call.provider} for ${provider}`;
  }
  const requested = played.recorded.model_requested;
  // A cloud sells by its own name of a model, and not by the one that the model's maker gives in the body.
  const returned = ["bedrock", "vertex"].includes(played.provider) ? null : played.recorded.model_returned;
  const asked = hidesBody ? [null] : [requested, played.deployment];
  if (requested !== null && !asked.includes(call.model_requested)) {
    return `model_requested ${call.model_requested} for ${requested}`;
  }
  const model = returned ?? requested;
  return model === null || call.model === model ? undefined : `model ${call.model} for ${model}`;
}

function costDiffers(played: Case, call: CallEvent): string | undefined {
  const told = played.recorded.expected_tokens?.provider_cost_usd ?? null;
  const stated = told === null ? null : Number(told.toFixed(18)); // as many decimals as money has
  if (call.provider_cost_usd !== stated) {
    return `provider_cost_usd ${call.provider_cost_usd} for ${stated}`;
  }
  const found = `${call.cost_usd} (${call.cost_state}) by ${call.cost_source}`;
  if (stated !== null) {
    return call.cost_source === "provider" && call.cost_usd === stated ? undefined : `cost ${found} for ${stated}`;
  }
  if (Object.keys(call.usage).length === 0) {
    const free = played.recorded.status >= 400;
    const right = free ? call.cost_state === "priced" && call.cost_usd === 0 : call.cost_state === "unpriced";
    return right ? undefined : `cost ${found} without usage`;
  }
  // Searches, images and the like are priced, too: the recording's words do not have them.
  const counts = { ...call.usage, ...usage(played) };
  let expected: number | null;
  try {
    const serviceTier = call.service_tier ?? "standard";
    expected = cost(call.provider ?? "", call.model ?? "", { usage: counts, at: call.ts, serviceTier }).totalNumber;
  } catch {
    // The provider's counts contradict each other: whatever they cost, nobody may call it exact.
    return call.cost_state === "priced" ? `cost ${found} of counts that contradict each other` : undefined;
  }
  if (played.recorded.tags.includes("iterations")) {
    // What an advisor or a compaction used is billed beside it.
    return (call.cost_usd ?? 0) > (expected ?? 0) ? undefined : `cost ${found}, without iterations ${expected}`;
  }
  return call.cost_usd === expected ? undefined : `cost ${found} for ${expected}`;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
