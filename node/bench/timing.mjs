/** How things are timed: interleaved, so that the machine's noise falls on everyone alike. */

const now = () => performance.now() * 1_000;

/** Pairs that are not counted. */
export const WARM_UP = 50;

export function median(values) {
  const sorted = values.toSorted?.((a, b) => a - b) ?? [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * The median time of one call of each variant in microseconds: each round runs a block of every variant in turn, and a
 * block's mean is one sample.
 */
export function interleaved(variants, { calls = 500, rounds = 80 } = {}) {
  const samples = new Map(Object.keys(variants).map((name) => [name, []]));
  for (let round = 0; round < rounds + 10; round += 1) {
    for (const [name, call] of Object.entries(variants)) {
      const start = now();
      for (let i = 0; i < calls; i += 1) call();
      const taken = (now() - start) / calls;
      if (round >= 10) samples.get(name).push(taken);
    }
  }
  return Object.fromEntries([...samples].map(([name, times]) => [name, median(times)]));
}

/**
 * The median of what `second` takes longer than `first`, over alternating pairs, in microseconds. `on` is called before each
 * `second` and `off` before each `first`, outside of what is timed.
 */
export async function paired(first, second, pairs, { on = () => {}, off = () => {} } = {}) {
  const taken = async (prepare, run) => {
    prepare();
    const start = now();
    await run();
    return now() - start;
  };
  const differences = [];
  for (let number = 0; number < pairs + WARM_UP; number += 1) {
    // Whoever comes second finds warmer caches: the order alternates.
    let longer = 0;
    for (const isSecond of number % 2 ? [false, true] : [true, false]) {
      longer += isSecond ? await taken(on, second) : -(await taken(off, first));
    }
    if (number >= WARM_UP) differences.push(longer);
  }
  return median(differences);
}
