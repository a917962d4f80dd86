/** How long a module takes to import, and ours its first call: `node import.mjs MODULE`. */

const [name] = process.argv.slice(2);
const start = performance.now();
const module = await import(name);
const imported = performance.now();
let firstMs;
if (name === "llmlab") {
  module.trackCall("openai", "gpt-5-mini", { inputTokens: 1_000, outputTokens: 500 });
  firstMs = performance.now() - imported;
  if (module.stats().recorded !== 1) throw new Error("nothing was recorded");
}
process.stdout.write(`${JSON.stringify({ importMs: imported - start, firstMs })}\n`, () => process.exit());
