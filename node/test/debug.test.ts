/** With `LLMLAB_DEBUG` faults inside llmlab are thrown, for those who work on it; wrong arguments are not faults of its own. */

import "./home";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as llmlab from "llmlab";
import { warnings } from "./warnings";

class Answer {}

afterEach(() => {
  delete process.env.LLMLAB_DEBUG;
});

test("what cannot be wrapped is said once, and counted every time", async () => {
  const said = warnings();
  const { faults } = llmlab.stats();
  for (let i = 0; i < 3; i += 1) {
    assert.equal(llmlab.trackCost(Answer as never), Answer);
  }
  assert.equal(llmlab.stats().faults, faults + 3);
  const [warning, ...others] = await said();
  assert.match(
    warning ?? "",
    /^trackCost failed inside llmlab and was skipped: TypeError: it wraps functions and methods/,
  );
  assert.deepEqual(others, []);
});

test("with LLMLAB_DEBUG it is thrown", () => {
  process.env.LLMLAB_DEBUG = "1";
  assert.throws(() => llmlab.trackCost(Answer as never), TypeError);
  llmlab.trackCall(7 as never, "gpt-4");
});
