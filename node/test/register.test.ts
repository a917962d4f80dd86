/** Without a line of code: `node --import llmlab/register app.mjs`, and what else loads it before the program. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { Folder } from "./program";

const ANSWER =
  '{"model":"gpt-4","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}';

/** The port of a provider. */
async function provider(context: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.setHeader("content-type", "application/json").end(ANSWER));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const POST = 'method: "POST", headers: { "content-type": "application/json" }';
const BODY = `'{"model":"gpt-4","messages":[]}'`;

const CLIENTS: Record<string, string> = {
  "fetch of the moment of the import": `
    const { fetch } = globalThis;
    console.log((await (await fetch(url, { ${POST}, body: ${BODY} })).json()).usage.total_tokens);`,
  "named imports of node:http": `
    import { request } from "node:http";
    let text = "";
    request(url, { ${POST} }, (answer) => {
      answer.setEncoding("utf8").on("data", (piece) => { text += piece; });
      answer.on("end", () => console.log(JSON.parse(text).usage.total_tokens));
    }).end(${BODY});`,
};

for (const [client, program] of Object.entries(CLIENTS)) {
  for (const words of [
    ["--import", "llmlab/register"],
    ["--require", "llmlab/register"],
  ]) {
    test(`${words[0]} taps ${client}, in workers too`, async (context) => {
      const port = await provider(context);
      const folder = new Folder(context);
      const url = `const url = "http://127.0.0.1:${port}/v1/chat/completions";`;
      folder.write("ask.mjs", url + program);
      folder.write(
        "app.mjs",
        `import { Worker } from "node:worker_threads";
         import "./ask.mjs";
         new Worker(new URL("./ask.mjs", import.meta.url));`,
      );
      const variables = { LLMLAB_HOSTS: "127.0.0.1=openai" };
      const ran = await folder.run([...words, "app.mjs"], variables);
      assert.deepEqual(ran, { code: 0, signal: null, stdout: "1500\n1500\n", stderr: "" });
      const calls = folder.calls();
      assert.deepEqual(
        calls.map(({ usage }) => [usage.input, usage.output]),
        [
          [1000, 500],
          [1000, 500],
        ],
      );
    });
  }
}

test("with LLMLAB_DISABLED nothing is tapped", async (context) => {
  const folder = new Folder(context);
  folder.write(
    "app.mjs",
    "console.log(fetch.toString().includes('native') || fetch.name, process.listenerCount('exit'))",
  );
  const plain = await folder.run(["app.mjs"]);
  assert.deepEqual(await folder.run(["--import", "llmlab/register", "app.mjs"], { LLMLAB_DISABLED: "1" }), plain);
});
