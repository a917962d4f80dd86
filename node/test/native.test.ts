import "./home";

import assert from "node:assert/strict";
import { test } from "node:test";
import { native } from "../dist/native";

test("the addon prices a call", () => {
  const { Client, dimensions } = native();
  const counts = new Float64Array(2 * dimensions().length).fill(-1, 0, dimensions().length);
  counts[dimensions().indexOf("input")] = 1000;
  counts[dimensions().indexOf("output")] = 500;
  const cost = Client.global().cost("openai", "gpt-4", counts, null);
  assert.equal(cost.split("\n")[0], "0.06");
});
