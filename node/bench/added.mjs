/**
 * What a library adds to a call and to a stream of the openai SDK: `node added.mjs LIBRARY PROVIDER RECEIVER PAIRS`.
 *
 * Each call is made in pairs, with and without it; the median difference counts. At the end the library must have recorded
 * what was timed. Prints the figures in microseconds as JSON.
 */

import { freshOpenAI, LIBRARIES } from "./libraries.mjs";
import { paired, WARM_UP } from "./timing.mjs";

const [library, provider, receiver, count] = process.argv.slice(2);
const pairs = Number(count);
const few = Math.ceil(pairs / 8);
const options = { baseURL: provider, apiKey: "none", maxRetries: 0 };
const CHUNKS = 500;
const CALL = { model: "gpt-5-mini", messages: [{ role: "user", content: "Where is my parcel? ".repeat(20) }] };
const STREAM = { ...CALL, stream: true, stream_options: { include_usage: true } };

const tapped = await LIBRARIES[library](receiver);

async function called(client) {
  const { usage } = await client.chat.completions.create(CALL);
  if (usage === undefined) throw new Error("no usage");
}

async function streamed(client) {
  let chunks = 0;
  for await (const chunk of await client.chat.completions.create(STREAM)) chunks += chunk.choices.length;
  if (chunks !== CHUNKS) throw new Error(`${chunks} chunks`);
}

const ours = tapped.client(options);
const bare = tapped.off ? ours : new (freshOpenAI())(options);
const figures = {
  call: await paired(
    () => called(bare),
    () => called(ours),
    pairs,
    tapped,
  ),
  stream: await paired(
    () => streamed(bare),
    () => streamed(ours),
    few,
    tapped,
  ),
};
await tapped.finish();
const recorded = tapped.recorded ? tapped.recorded() : Number(await (await fetch(receiver)).text());
const expected = pairs + few + 2 * WARM_UP;
if (recorded !== expected) throw new Error(`${library} recorded ${recorded} of ${expected}`);
// Some of them take seconds to leave; that is another row.
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());
