/** Rows of the real SDK over a real socket: what the tap adds, and what our peers' wrappers add. */

import { figures, withServer } from "./process.mjs";
import { median } from "./timing.mjs";

const LIBRARIES = ["llmlab", "traceloop", "langfuse"];
const CHUNKS = 500;
const BUDGETS_US = { call: 10, stream: 10 + 0.5 * CHUNKS };
const NAMES = {
  call: "instrumented openai call, added",
  stream: `instrumented openai stream of ${CHUNKS} chunks, added`,
};
const ROUNDS = 3;
const PAIRS = 1_500;

const RESPONSE = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-5-mini",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hello. ".repeat(20) } }],
  usage: {
    prompt_tokens: 1_000,
    completion_tokens: 500,
    total_tokens: 1_500,
    prompt_tokens_details: { cached_tokens: 200, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 64, audio_tokens: 0 },
  },
};

export async function* calls() {
  const rounds = [];
  await withServer("provider.py", [JSON.stringify(RESPONSE)], async (provider) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const added = {};
      for (const library of LIBRARIES) {
        added[library] = await withServer("receiver.py", [], (receiver) =>
          figures("added.mjs", library, `${provider}/v1`, receiver, String(PAIRS)),
        );
      }
      rounds.push(added);
    }
  });
  for (const [kind, budget] of Object.entries(BUDGETS_US)) {
    const of = (library) => median(rounds.map((added) => added[library][kind]));
    const peers = Object.fromEntries(LIBRARIES.slice(1).map((library) => [library, of(library)]));
    yield { name: NAMES[kind], ours: of("llmlab"), budget, peers };
  }
}
