/** Our peers, each as its makers document it, against the same receiver; and ourselves. */

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The SDK, loaded once more: what is patched in one copy is not in the other. */
export function freshOpenAI() {
  for (const path of Object.keys(require.cache)) {
    if (path.includes("/node_modules/openai/")) delete require.cache[path];
  }
  return require("openai").OpenAI;
}

async function otlp(receiver) {
  const { NodeTracerProvider, BatchSpanProcessor } = await import("@opentelemetry/sdk-trace-node");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const exporter = new OTLPTraceExporter({ url: `${receiver}/v1/traces` });
  const provider = new NodeTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 1_000_000 })],
  });
  provider.register();
  return provider;
}

/**
 * Each gives `wrap`, which wraps a function, `client`, which makes an instrumented client of the SDK where it has such a
 * thing, and `finish`; `on` and `off` where one and the same client is with and without it.
 */
export const LIBRARIES = {
  async llmlab() {
    const llmlab = await import("llmlab");
    llmlab.init();
    return {
      wrap: (run) => llmlab.trackCost(run, { feature: "bench" }),
      client: (options) => new (freshOpenAI())(options),
      // The tap sees all of the process, so without it means that it is out.
      on: llmlab.instrument,
      off: llmlab.uninstrument,
      recorded: () => llmlab.stats().recorded,
      finish: () => llmlab.shutdown(),
    };
  },

  async "OTel span"(receiver) {
    const provider = await otlp(receiver);
    const tracer = provider.getTracer("bench");
    return {
      wrap: (run) => () =>
        tracer.startActiveSpan("bench", (span) => {
          const result = run();
          span.end();
          return result;
        }),
      finish: () => provider.shutdown(),
    };
  },

  async traceloop(receiver) {
    const traceloop = await import("@traceloop/node-server-sdk");
    const OpenAI = freshOpenAI();
    traceloop.initialize({
      appName: "bench",
      apiKey: "key",
      baseUrl: receiver,
      silenceInitializationMessage: true,
      traceloopSyncEnabled: false,
      instrumentModules: { openAI: OpenAI },
    });
    return {
      wrap: (run) => () => traceloop.withTask({ name: "bench" }, run),
      client: (options) => new OpenAI(options),
      finish: () => traceloop.forceFlush(),
    };
  },

  async langfuse(receiver) {
    Object.assign(process.env, {
      LANGFUSE_PUBLIC_KEY: "pk",
      LANGFUSE_SECRET_KEY: "sk",
      LANGFUSE_BASE_URL: receiver,
    });
    const { LangfuseSpanProcessor } = await import("@langfuse/otel");
    const { NodeTracerProvider } = await import("@opentelemetry/sdk-trace-node");
    const { observe } = await import("@langfuse/tracing");
    const { observeOpenAI } = await import("@langfuse/openai");
    const processor = new LangfuseSpanProcessor();
    new NodeTracerProvider({ spanProcessors: [processor] }).register();
    return {
      wrap: (run) => observe(run, { name: "bench" }),
      client: (options) => observeOpenAI(new (freshOpenAI())(options)),
      finish: () => processor.forceFlush(),
    };
  },
};
