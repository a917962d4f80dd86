/**
 * What stands for the addon where there is none: programs run as they would without llmlab. What records does nothing,
 * what can say "unknown" says it, and `summary`, which cannot, rejects.
 */

import type { FlushReport, Native, NativeClient, NativeLabels, NativeScope } from "./native";

const NOTHING: FlushReport = { delivered: 0, pending: 0, dropped: 0, lastError: null };

/** So that arguments are right or wrong as they are elsewhere. */
const DIMENSIONS = [
  "input",
  "output",
  "cache_read",
  "cache_write_5m",
  "cache_write_1h",
  "audio_in",
  "image_in",
  "cache_read_audio",
  "reasoning",
  "audio_out",
  "image_out",
  "citation",
  "requests",
  "web_searches",
  "file_searches",
  "pages",
  "characters",
  "audio_seconds",
  "rerank_searches",
  "video_seconds",
  "text_messages",
];
const OPERATIONS = [
  "chat",
  "text_completion",
  "embeddings",
  "generate_content",
  "rerank",
  "image_generation",
  "speech",
  "transcription",
];

const scope: NativeScope = {
  begun: 0,
  tally: () => ({ calls: 0, unpriced: 0, cost: "0", costNumber: 0 }),
  settle: () => {},
};

class NoClient implements NativeClient {
  readonly problem = null;

  static global(): NativeClient {
    return client;
  }

  becomeGlobal(): ReturnType<NativeClient["becomeGlobal"]> {
    return { before: null, problems: [] };
  }

  begin(): null {
    return null;
  }

  scope(): NativeScope {
    return scope;
  }

  step(): NativeScope {
    return scope;
  }

  endStep(): null {
    return null;
  }

  recordCall(): null {
    return null;
  }

  recordResponse(): boolean {
    return false;
  }

  cost(): string {
    return "\nunpriced\n\n0\n\n";
  }

  models(): string[] {
    return [];
  }

  setPrice(): void {}

  setModel(): void {}

  summary(): ReturnType<NativeClient["summary"]> {
    const message = "what was spent cannot be asked: llmlab has no native part here";
    return Promise.resolve({ summary: null, code: "no_native", message });
  }

  flush(): Promise<FlushReport> {
    return Promise.resolve(NOTHING);
  }

  shutdown(): Promise<FlushReport> {
    return Promise.resolve(NOTHING);
  }

  stats(): ReturnType<NativeClient["stats"]> {
    const none = { recorded: 0, delivered: 0, spooled: 0, inMemory: 0, rolledUp: 0, dropped: 0, unpriced: 0 };
    return { ...none, dropReasons: [], sinks: [] };
  }

  takeNotices(): null {
    return null;
  }

  settleBatch(): void {}

  configuration(): string {
    return "{}";
  }
}

class NoLabels implements NativeLabels {
  declare readonly "native labels": never;
}

const client = new NoClient();

export const absent: Native = {
  VERSION: "none",
  Client: NoClient,
  Labels: NoLabels,
  isDisabled: () => true,
  faults: () => 0,
  dimensions: () => DIMENSIONS,
  operations: () => OPERATIONS,
  unreadMembers: () => [],
  concerns: () => false,
  tellingHeaders: () => [],
  registerProvider: () => {},
  readUsage: () => null,
  leave: () => {},
  // The warning has said why.
  cli: () => 1,
};
