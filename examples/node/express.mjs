// What each user of a web application costs: one scope a request, which every call made while answering belongs to.
//
// python3 examples/stand_in.py node examples/node/express.mjs

import express from "express";
import * as llmlab from "llmlab";
import OpenAI from "openai";

llmlab.init({ project: "express" });
const openai = new OpenAI();
const app = express();

app.use((request, _response, next) => {
  // Not `next` itself: it takes whatever it is given for an error.
  llmlab.track({ user: request.get("x-user"), feature: request.path }, () => next());
});

app.get("/ask", async (request, response) => {
  const messages = [{ role: "user", content: request.query.question }];
  const answer = await openai.chat.completions.create({ model: "gpt-5-mini", messages });
  response.json(answer.choices[0].message.content);
});

app.get("/costs", async (_request, response) => {
  const { groups } = await llmlab.summary({ groupBy: ["user"], project: "express" });
  response.json(Object.fromEntries(groups.map(({ key, totals }) => [key.user, totals.costUsd])));
});

// Two customers at once, and then the owner.
const server = app.listen(0, async () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const ask = (user, question) => fetch(`${url}/ask?question=${question}`, { headers: { "x-user": user } });
  await Promise.all([ask("ann", "where"), ask("ben", "when"), ask("ben", "why")]);
  console.log(await (await fetch(`${url}/costs`)).json());
  server.close();
});
