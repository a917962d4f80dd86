/** The methods of `LLMLab`, which are also the functions of the package. */

import type { Cost, CostOptions } from "./cost";
import type { AnyFunction, Decorator } from "./decorator";
import { applied } from "./decorator";
import {
  costOf,
  costWrap,
  finished,
  recordCall,
  recordGiven,
  registerProvider,
  setModel,
  setPrice,
  statsOf,
  stepWrap,
  summaryOf,
  tracked,
  usageOf,
} from "./deferred";
import { answered, misasked } from "./errors";
import type { Holder } from "./holder";
import type { FlushOptions, Stats } from "./lifecycle";
import type { FlushReport } from "./native";
import type { ReadUsageOptions } from "./readUsage";
import type { RecordResponseOptions, TrackCallOptions } from "./record";
import type { Price, ProviderOptions } from "./registrar";
import type { Scope } from "./scope";
import type { Summary, SummaryOptions } from "./summary";
import type { TraceOptions } from "./trace";
import type { TrackOptions } from "./track";
import type { TrackCostOptions } from "./trackCost";
import type { UsageCounts } from "./usage";

/** What a client can do, the global one as well. */
export class Lab {
  readonly #holder: Holder;

  /** @internal */
  constructor(holder: Holder) {
    this.#holder = holder;
  }

  /**
   * Records a call that no tap sees: over gRPC, a WebSocket, or from another program's log.
   *
   * Never throws. A wrong value is left out, counted in `stats().faults` and said once; a wrong count leaves out all counts,
   * so that the cost is unknown and not too low.
   *
   * @param provider such as `openai`, `anthropic`, `google`; also OpenTelemetry's and LiteLLM's spellings
   * @param model as the provider names it
   *
   * @example
   * ```ts
   * llmlab.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500, feature: "search" });
   * ```
   */
  trackCall(provider: string, model: string, options?: TrackCallOptions | null): void {
    recordCall(this.#holder, provider, model, options);
  }

  /**
   * Records a provider's response that you hold, and that no tap has seen. Never throws.
   *
   * @param response JSON text or bytes, an object, an SDK's object, or an array of these
   * @returns whether a call was recorded: `false` for what is no response, and for one that was recorded before
   *
   * @example
   * ```ts
   * const response = { model: "gpt-4", usage: { prompt_tokens: 1000, completion_tokens: 500 } };
   * assert.equal(llmlab.recordResponse(response, { provider: "openai" }), true);
   * ```
   */
  recordResponse(response: unknown, options?: RecordResponseOptions | null): boolean {
    return recordGiven(this.#holder, response, options);
  }

  /**
   * Runs a function, and attributes the calls made inside; tells what they cost.
   *
   * The function is given a scope with `cost` (US dollars so far, as exact text; `null` if the cost of a call is not known),
   * `costNumber`, `calls`, `unpriced` and `begun`. It may be read at any time, also afterwards. What the function returns or
   * throws passes unchanged. What is begun inside (promises, timers) belongs to the scope as well; a worker does not. What is
   * given in place of a function, such as a promise, is given back, with a warning.
   *
   * @example
   * ```ts
   * const t = await llmlab.track({ feature: "search", user: 42 }, async (t) => {
   *   llmlab.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500 });
   *   return t;
   * });
   * assert.deepEqual([t.cost, t.costNumber, t.calls], ["0.06", 0.06, 1]);
   * ```
   */
  track<T>(options: TrackOptions | null | undefined, fn: (t: Scope) => T): T {
    return tracked(this.#holder, options, fn);
  }

  /**
   * Wraps a function, or decorates a method: the calls made inside it carry these labels.
   *
   * Works on functions, async functions, generators, async generators and methods; the function stays what it is, and so
   * does all that it returns. A class is left as it is. Never throws; what the function throws passes unchanged. As a
   * decorator it works with and without parentheses, by the standard and with `experimentalDecorators`.
   *
   * Calls are seen by the tap of the HTTP client (`instrument`). Only where none was seen (a mock, gRPC, a client without a
   * tap) is the function's result read: a provider's response as an object, or an array of these; of a promise what it
   * resolves to; of a generator, the last items. A function that returns a promise is as one declared `async`: its caller
   * gets a promise that follows it, always the same one for the same one. Promises of other classes, such as those of SDKs,
   * are handed through without a look. A response without an id counts once for every time it is returned; for answers out of a cache of your own see the option `record` of `track`. Of
   * nested wrapped functions the innermost records.
   *
   * A generator belongs to the scope in which it is first advanced.
   *
   * @example
   * ```ts
   * const ask = llmlab.trackCost(
   *   async (question: string) => ({ question, usage: { prompt_tokens: 1000, completion_tokens: 500 } }),
   *   { provider: "openai", model: "gpt-4", feature: "search" },
   * );
   * const t = await llmlab.track({}, async (t) => {
   *   await ask("what does it cost?");
   *   return t;
   * });
   * assert.equal(t.cost, "0.06");
   * ```
   */
  trackCost<F extends AnyFunction>(fn: F, options?: TrackCostOptions | null): F;
  trackCost<F extends AnyFunction>(fn: F, context: ClassMethodDecoratorContext): F;
  trackCost<T>(target: object, key: string | symbol, method: TypedPropertyDescriptor<T>): TypedPropertyDescriptor<T>;
  trackCost(options?: TrackCostOptions | null): Decorator;
  trackCost(...args: unknown[]): unknown {
    return applied<TrackCostOptions>("trackCost", args, (options) => costWrap(this.#holder, options));
  }

  /**
   * Wraps a function, or decorates a method: each run is a step, and the calls and steps inside are its children.
   *
   * Works on all that `trackCost` works on, in the same ways. The outermost step begins a trace. The step ends with the
   * function; where that returns a promise, `async` or not, with the promise; that of a generator with its last item. Never
   * throws; what the function throws passes unchanged.
   *
   * @example
   * ```ts
   * const plan = llmlab.trace(
   *   async (goal: string) => {
   *     llmlab.trackCall("anthropic", "claude-sonnet-4-6", { inputTokens: 1200, outputTokens: 80 });
   *     return [`search ${goal}`, "answer"];
   *   },
   *   { name: "plan", kind: "agent" },
   * );
   * assert.equal((await plan("dinner")).length, 2);
   * ```
   */
  trace<F extends AnyFunction>(fn: F, options?: TraceOptions | null): F;
  trace<F extends AnyFunction>(fn: F, context: ClassMethodDecoratorContext): F;
  trace<T>(target: object, key: string | symbol, method: TypedPropertyDescriptor<T>): TypedPropertyDescriptor<T>;
  trace(options?: TraceOptions | null): Decorator;
  trace(...args: unknown[]): unknown {
    return applied<TraceOptions>("trace", args, (options) => stepWrap(this.#holder, options));
  }

  /**
   * What a call costs, in US dollars, exactly. An unknown model is no error, but unpriced.
   *
   * @param provider such as `openai`; also OpenTelemetry's and LiteLLM's spellings; `""` infers it from the model
   * @param model as the provider names it, dated or not
   * @throws LlmlabError naming the value, for counts that are no non-negative integers or contradict each other
   * (`invalid_usage`) and for what is no time (`invalid_time`)
   * @throws ConfigError where the configured prices cannot be used
   *
   * @example
   * ```ts
   * const cost = llmlab.cost("openai", "gpt-4", { usage: { input: 1000, output: 500 } });
   * assert.deepEqual([cost.total, cost.totalNumber, cost.state], ["0.06", 0.06, "priced"]);
   * ```
   */
  cost(provider: string, model: string, options?: CostOptions | null): Cost {
    return answered("cost", () => costOf(this.#holder, provider, model, options));
  }

  /**
   * Reads the token counts off a provider's response body.
   *
   * @param provider whose body it is; `null` to tell by its shape
   * @param body JSON text or bytes, an object, or an SDK's object
   * @returns counts by their names, inclusive as in `cost`, and only those that the provider reported; `null` where the body
   * has no usage
   * @throws LlmlabError for what is no body (`invalid_usage`)
   *
   * @example
   * ```ts
   * const body = '{"usage": {"prompt_tokens": 9, "completion_tokens": 12}}';
   * assert.deepEqual(llmlab.readUsage("openai", body), { input: 9, output: 12 });
   * ```
   */
  readUsage(provider: string | null, body: unknown, options?: ReadUsageOptions | null): UsageCounts | null {
    return answered("readUsage", () => usageOf(provider, body, options));
  }

  /**
   * Lists the models of a provider that have a price.
   *
   * @throws LlmlabError for a provider that the catalogue does not know (`unknown_provider`)
   *
   * @example
   * ```ts
   * assert.ok(llmlab.models("openai").includes("gpt-4"));
   * ```
   */
  models(provider: string): string[] {
    return answered("models", () => this.#holder.client().models(provider));
  }

  /**
   * Sets what a model costs, such as a negotiated price or that of a model of one's own.
   *
   * It holds for `cost` and for every later call of this client (the global one keeps it through another `init`); what is
   * recorded keeps its cost. It replaces the price that the model had: what is not given takes the price of what contains it
   * (`cacheRead` that of `input`, `reasoning` that of `output`).
   *
   * @param provider such as `openai`; one that llmlab does not know is fine
   * @param model its name, in any case; a deployment's name, too
   * @throws ConfigError naming the value and what would do (`invalid_prices`)
   *
   * @example
   * ```ts
   * llmlab.setPrice("acme", "acme-small", { input: "20", output: "40", batch: { input: "10", output: "20" } });
   * assert.equal(llmlab.cost("acme", "acme-small", { inputTokens: 1000, outputTokens: 500 }).total, "0.04");
   * ```
   */
  setPrice(provider: string, model: string, price: Price): void {
    answered("setPrice", () => setPrice(this.#holder, provider, model, price));
  }

  /**
   * Tells which model is behind a name: a deployment, a gateway's alias, the ARN of an inference profile.
   *
   * Calls of that name have the price of the model from now on, in this client (the global one keeps it through another
   * `init`); nothing else of them changes, and what is recorded keeps its cost. The option `models` of `init` does the same
   * for many.
   *
   * @param provider who is called, such as `azure` or `bedrock`
   * @param name the name in the request, in any case
   * @param model the model: one of the same provider, or `PROVIDER/MODEL`
   * @throws ConfigError where the model has no price, naming those most like it (`invalid_prices`)
   *
   * @example
   * ```ts
   * llmlab.setModel("azure", "my-deployment", "gpt-4o-mini");
   * assert.equal(llmlab.cost("azure", "my-deployment", { inputTokens: 1_000_000 }).total, "0.15");
   * ```
   */
  setModel(provider: string, name: string, model: string): void {
    answered("setModel", () => setModel(this.#holder, provider, name, model));
  }

  /**
   * Makes a provider known, or further hosts of a known one.
   *
   * It holds for this process, its workers included, whatever the client, from the next request on. A definition of the same
   * id replaces the one before; with the id of a provider that llmlab knows, it adds hosts. The option `providers` of `init`
   * names a TOML file with any number of them, and `hosts` maps hosts alone.
   *
   * @param id its name in events and prices, in lower case
   * @throws ConfigError naming the value and what would do (`invalid_config`)
   *
   * @example
   * ```ts
   * llmlab.registerProvider("openai", { hosts: ["llm.internal"] });
   * llmlab.registerProvider("acme", {
   *   hosts: "llm.acme.example",
   *   paths: "/v1/generate",
   *   usage: { input: "usage.prompt", output: "usage.completion", model: "engine" },
   * });
   * llmlab.setPrice("acme", "acme-large", { input: "0.5", output: "1.5" });
   * ```
   */
  registerProvider(id: string, options?: ProviderOptions | null): void {
    answered("registerProvider", () => registerProvider(id, options));
  }

  /**
   * What was spent, by all processes that share this ledger. What was recorded a moment ago is included, also by other
   * processes.
   *
   * The promise is rejected with an `LlmlabError` where the ledger cannot be read (`storage`), or a time is none
   * (`invalid_time`).
   *
   * @example
   * ```ts
   * llmlab.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500 });
   * const report = await llmlab.summary({ groupBy: "model" });
   * assert.ok(report.groups.some((group) => group.key.model === "gpt-4"));
   * ```
   */
  async summary(options?: SummaryOptions | null): Promise<Summary> {
    try {
      return await summaryOf(this.#holder, options);
    } catch (error) {
      throw misasked("summary", error);
    }
  }

  /**
   * Delivers what was recorded so far; the promise is resolved when that is done, and never rejected.
   *
   * Call it at the end of a short-lived worker or a serverless request. A delivery that fails is tried again, with growing
   * pauses. It ends early where nothing can happen before the time is over: where the next try comes later, or a sink
   * refuses everything (a wrong key), or another process serves it. What is pending stays on disk and is delivered by the
   * next process.
   *
   * @example
   * ```ts
   * assert.equal((await llmlab.flush()).pending, 0);
   * ```
   */
  flush(options?: FlushOptions | null): Promise<FlushReport> {
    return finished(this.#holder, "flush", options);
  }

  /**
   * Does what `flush` does and ends the background thread; but a delivery that fails is not tried again. What is recorded
   * afterwards is still kept on disk.
   *
   * Not needed at a normal exit, where it happens by itself, within the time that the option `exitFlush` gives.
   *
   * @example
   * ```ts
   * const report = await llmlab.shutdown({ timeout: 1 });
   * assert.equal(report.dropped, 0);
   * ```
   */
  shutdown(options?: FlushOptions | null): Promise<FlushReport> {
    return finished(this.#holder, "shutdown", options);
  }

  /**
   * Tells how the events of this process fared. Never throws.
   *
   * Those are the counters of the sink that is furthest behind; `sinks` has each sink's own.
   *
   * @example
   * ```ts
   * assert.equal(llmlab.stats().dropped, 0);
   * ```
   */
  stats(): Stats {
    return statsOf(this.#holder);
  }
}
