// Cost per feature, user and trace, in the application's own code.
//
// python3 examples/stand_in.py node examples/node/quickstart.mjs

import * as llmlab from "llmlab";
import OpenAI from "openai";

llmlab.init({ project: "quickstart" });

const greet = llmlab.trackCost(
  (user) =>
    llmlab.track({ user }, async () => {
      const messages = [{ role: "user", content: `Greet ${user} in one sentence.` }];
      const answer = await new OpenAI().chat.completions.create({ model: "gpt-5-mini", messages });
      return answer.choices[0].message.content;
    }),
  { feature: "greeting" },
);

const welcomeParty = llmlab.trace(async (users) => Promise.all(users.map(greet)), { name: "party", kind: "agent" });

await llmlab.track({}, async (party) => {
  await welcomeParty(["ann", "ben"]);
  console.log(`${party.calls} calls cost $${party.cost}`);
});
const big = { inputTokens: 1_000_000, outputTokens: 50_000 };
console.log(llmlab.cost("openai", "gpt-5-mini", big).total, "USD for a big one");
