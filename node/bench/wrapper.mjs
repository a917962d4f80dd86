/** What a library's wrapper adds to a function that does nothing: `node wrapper.mjs LIBRARY RECEIVER sync|async`. */

import { LIBRARIES } from "./libraries.mjs";
import { interleaved, median } from "./timing.mjs";

const [library, receiver, kind] = process.argv.slice(2);
const { wrap } = await LIBRARIES[library](receiver);
const bare = kind === "sync" ? () => 1 : async () => 1;
const wrapped = wrap(bare);
if ((await wrapped()) !== 1) throw new Error(`${library} changed what the function gives`);

const CALLS = 200;

/** As `interleaved`, for functions that are awaited. */
async function interleavedAsync(variants) {
  const samples = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
  for (let round = 0; round < 90; round += 1) {
    for (const [name, call] of Object.entries(variants)) {
      const start = performance.now();
      for (let i = 0; i < CALLS; i += 1) await call();
      if (round >= 10) samples[name].push(((performance.now() - start) * 1_000) / CALLS);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, times]) => [name, median(times)]));
}

const times = kind === "sync" ? interleaved({ bare, wrapped }) : await interleavedAsync({ bare, wrapped });
// Some of them take seconds to leave; that is another row.
process.stdout.write(`${JSON.stringify(times.wrapped - times.bare)}\n`, () => process.exit());
