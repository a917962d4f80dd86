/**
 * Recorded traffic of 26 real services, through the real SDKs and through what people use without one.
 *
 * Where there are no recordings, this says so.
 */

import "./home";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { instrument, track, uninstrument } from "llmlab";
import { difference, EXCEPTIONS } from "./corpus/expectation";
import { plain } from "./corpus/received";
import { type Case, cases, FILE, FOLDER } from "./corpus/recording";
import { Replay } from "./corpus/replay";
import { hidesBody, packageOf, throughSdk } from "./corpus/sdk";
import { throughAxios, throughFetch, throughHttp } from "./corpus/sdk/raw";
import { throughVercel, vercelHas } from "./corpus/sdk/vercel";
import { calls } from "./events";

const CASES = 266;
const skip = existsSync(FILE) ? false : `*** no recordings at ${FOLDER}; set LLMLAB_CORPUS ***`;

const replay = new Replay();
before(() => replay.start());
after(() => replay.stop());

for (const through of [throughSdk, throughFetch, throughHttp, throughAxios]) {
  test(`every case is one call with the counts and the cost of the recording, ${through.name}`, { skip }, async (t) => {
    const played = cases(replay.port);
    assert.equal(played.length, CASES);
    await compare(t, played, through);
  });
}

test("every case that the Vercel AI SDK can express is one call with its counts and its cost", { skip }, async (t) => {
  await compare(t, cases(replay.port).filter(vercelHas), throughVercel);
});

type Through = (played: Case) => Promise<unknown>;

async function compare(t: TestContext, played: readonly Case[], through: Through): Promise<void> {
  const before = calls().length;
  const without = new Map<string, unknown>();
  for (const each of played) {
    without.set(each.id, await received(each, through));
  }
  assert.equal(calls().length, before, "nothing is recorded without a tap");

  const label = (each: Case) => `${through.name} ${each.id}`;
  const problems = new Map<string, string | undefined>();
  instrument();
  for (const each of played) {
    const requests = replay.requests;
    const answer = await track({ feature: label(each) }, () => received(each, through));
    if (replay.requests !== requests + 1) {
      problems.set(each.id, `${replay.requests - requests} requests: ${JSON.stringify(answer)}`);
    } else if (!isDeepStrictEqual(answer, without.get(each.id))) {
      const both = [without.get(each.id), answer].map((one) => JSON.stringify(one));
      problems.set(each.id, `the application received something else: ${both.join(" / ")}`);
    }
  }
  uninstrument();

  const left = calls();
  assert.ok(left.slice(before).every(({ feature }) => feature !== null));
  for (const each of played) {
    const own = left.filter(({ feature }) => feature === label(each));
    problems.set(each.id, problems.get(each.id) ?? difference(each, own, through === throughSdk && hidesBody(each)));
  }
  const wrong = played.filter(({ id }) => problems.get(id) !== undefined);
  t.diagnostic(`${through.name}: ${played.length - wrong.length} of ${played.length}`);
  t.diagnostic(`by provider: ${figures(played, wrong, ({ provider }) => provider)}`);
  if (through === throughSdk) {
    t.diagnostic(`by package: ${figures(played, wrong, packageOf)}`);
  }
  const ids = wrong.map(({ id }) => id);
  const expected = played.map(({ id }) => id).filter((id) => id in EXCEPTIONS);
  assert.deepEqual(ids, expected, ids.map((id) => `${id}: ${problems.get(id)}`).join("\n"));
  assert.ok(wrong.length <= played.length * 0.01);
}

/** What the application sees, errors included. */
async function received(played: Case, through: Through): Promise<unknown> {
  replay.case = played;
  return through(played).then(plain, plain);
}

function figures(played: readonly Case[], wrong: readonly Case[], groupOf: (each: Case) => string): string {
  const figure = (group: string) => {
    const all = played.filter((each) => groupOf(each) === group);
    return `${group} ${all.filter((each) => !wrong.includes(each)).length}/${all.length}`;
  };
  return [...new Set(played.map(groupOf))].sort().map(figure).join(", ");
}
