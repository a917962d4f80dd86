/**
 * For Vercel's AI SDK (`ai` 5 and later): what the calls of a model cost, and for whom they were made.
 *
 * Nothing of that package is loaded: a model is known by its methods.
 */

import { AsyncResource } from "node:async_hooks";
import { reject, shown, swallow } from "./guard";
import type { LabelOptions, LLMLab, Scope } from "./index";
import * as llmlab from "./index";

/** What models of all kinds have. */
export interface AiModel {
  readonly provider: string;
  readonly modelId: string;
}

/** Labels, and whose the calls are. */
export interface TrackModelOptions extends LabelOptions {
  /** The client that records; the global one if not given. */
  lab?: Pick<LLMLab, "track" | "trackCall">;
}

/** Methods of models, and what they are called for. */
const OPERATIONS: Readonly<Record<string, string>> = {
  doEmbed: "embeddings",
  doGenerate: "chat",
  doStream: "chat",
};

/** The AI SDK's names of providers that are not the first word of ours. */
const PROVIDERS: readonly (readonly [start: string, id: string])[] = [
  ["gateway", "vercel"],
  ["google.vertex", "vertex"],
];

/**
 * A model of the AI SDK whose calls carry these labels, wherever it is used: `generateText`, `streamText`,
 * `generateObject`, `embed`, an agent with its tools. Streams are passed on untouched. Never throws.
 *
 * Calls are seen by the tap of `fetch` (`instrument`), each physical request once. Only where none was seen (a mock, a
 * gateway in a format of its own, another transport) are the counts of the result recorded. Where answers come out of a
 * cache of your own, put the cache around this model, not inside of it.
 *
 * The model needs no telemetry option of the AI SDK, and its answers are what they were.
 *
 * @param model a language, embedding or image model, as a provider's package makes it
 * @param options the labels, as for `track`; one that is not given is that of the surrounding scope
 *
 * @example
 * ```js
 * import { openai } from "@ai-sdk/openai";
 * import { generateText } from "ai";
 * import { trackModel } from "llmlab/ai";
 *
 * const model = trackModel(openai("gpt-5-mini"), { feature: "support", user: "u-1842" });
 * const { text } = await generateText({ model, prompt: "Where is my parcel?" });
 * ```
 */
export function trackModel<Model extends AiModel>(model: Model, options: TrackModelOptions = {}): Model {
  if (typeof model !== "object" || model === null) {
    const fix = 'give the model itself, such as gateway("openai/gpt-5-mini")';
    reject("trackModel", `a model must be an object, got ${shown(model)}; ${fix}`);
    return model;
  }
  const { lab = llmlab, ...labels } = options ?? {};
  // Methods run on the model itself, which may have private members.
  return new Proxy<Model>(Object.create(Object.getPrototypeOf(model)), {
    get(_, name) {
      const member: unknown = Reflect.get(model, name, model);
      if (typeof member !== "function") {
        return member;
      }
      const method = member.bind(model) as (...given: unknown[]) => PromiseLike<unknown>;
      const operation = typeof name === "string" ? OPERATIONS[name] : undefined;
      if (operation === undefined) {
        return method;
      }
      return (...given: unknown[]) =>
        lab.track(labels, async (scope) => new Asked(lab, model, operation, scope).answered(await method(...given)));
    },
    has: (_, name) => Reflect.has(model, name),
    set: (_, name, value) => Reflect.set(model, name, value, model),
  });
}

/** One call of a model. */
class Asked {
  readonly #lab: Pick<LLMLab, "trackCall">;
  readonly #model: AiModel;
  readonly #operation: string;
  readonly #scope: Scope;
  readonly #begun = performance.now();

  constructor(lab: Pick<LLMLab, "trackCall">, model: AiModel, operation: string, scope: Scope) {
    this.#lab = lab;
    this.#model = model;
    this.#operation = "maxImagesPerCall" in model ? "image_generation" : operation;
    this.#scope = scope;
  }

  /** Passes on what the model gave; where no tap saw the call, its counts are recorded. */
  answered(result: unknown): unknown {
    try {
      if (this.#scope.begun > 0 || !isObject(result)) {
        return result;
      }
      if (result.stream instanceof ReadableStream) {
        return { ...result, stream: result.stream.pipeThrough(this.#reader()) };
      }
      this.#record(result.usage, result.response);
    } catch (error) {
      swallow("trackModel", error);
    }
    return result;
  }

  /** Passes on the parts of a stream; the last one has the counts, an early one says which model answers. */
  #reader(): TransformStream<unknown, unknown> {
    const record = AsyncResource.bind(this.#record.bind(this));
    let answering: unknown;
    return new TransformStream({
      transform(part, controller) {
        if (isObject(part) && part.type === "response-metadata") {
          answering = part;
        } else if (isObject(part) && part.type === "finish") {
          record(part.usage, answering);
        }
        controller.enqueue(part);
      },
    });
  }

  #record(told: unknown, answering: unknown): void {
    const usage = counts(told);
    // Of a model in a model that is tracked, the inner one has recorded.
    if (Object.keys(usage).length > 0 && this.#scope.calls === 0) {
      const { provider, modelId } = this.#model;
      const model = isObject(answering) && typeof answering.modelId === "string" ? answering.modelId : modelId;
      const latencyMs = performance.now() - this.#begun;
      this.#lab.trackCall(providerOf(provider), model, { usage, latencyMs, operation: this.#operation });
    }
  }
}

/** The counts of the AI SDK in our words. It nests them since its version 6, and gives embeddings one number. */
function counts(told: unknown): Record<string, number> {
  const usage = isObject(told) ? told : {};
  const [input, output] = [usage.inputTokens ?? usage.tokens, usage.outputTokens].map((tokens) =>
    isObject(tokens) ? tokens : { total: tokens },
  );
  const given = {
    input: input?.total,
    output: output?.total,
    cacheRead: input?.cacheRead ?? usage.cachedInputTokens,
    cacheWrite5m: input?.cacheWrite,
    reasoning: output?.reasoning ?? usage.reasoningTokens,
  };
  // What a provider does not tell is undefined, or not a number.
  const known = Object.entries(given).filter((count): count is [string, number] => Number.isSafeInteger(count[1]));
  return Object.fromEntries(known);
}

function providerOf(name: string): string {
  return PROVIDERS.find(([start]) => name.startsWith(start))?.[1] ?? name.split(".", 1)[0] ?? name;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
