/** `track`, `trackCost` and `trace`, in all forms of functions: what the caller sees is what it sees without them. */

import "./home";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import type { Event } from "llmlab";
import * as llmlab from "llmlab";
import { begin as beginExchange } from "../dist/exchange";
import { current } from "../dist/scope";
import { begin, call, calls, taken } from "./taken";

const USAGE = { usage: { prompt_tokens: 1000, completion_tokens: 500 } };
const NAMED = { provider: "openai", model: "gpt-4" };

beforeEach(() => begin());

const wrappers = {
  trackCost: <F extends llmlab.AnyFunction>(fn: F) => llmlab.trackCost(fn, { feature: "ask", ...NAMED }),
  trace: <F extends llmlab.AnyFunction>(fn: F) => llmlab.trace(fn, { name: "ask" }),
};

for (const [name, wrap] of Object.entries(wrappers)) {
  test(`${name} keeps name, length, properties and class of every form`, () => {
    const forms = [
      function plain(_a: unknown, _b: unknown) {},
      async (_a: unknown) => {},
      function* generator(_a: unknown) {},
      async function* generator(_a: unknown) {},
    ];
    for (const fn of forms) {
      const wrapped = wrap(Object.assign(fn, { mark: 1 }));
      assert.notEqual(wrapped, fn);
      assert.deepEqual([wrapped.name, wrapped.length, wrapped.mark], [fn.name, fn.length, 1]);
      assert.equal(wrapped.constructor, fn.constructor);
      assert.equal(Object.prototype.toString.call(wrapped), Object.prototype.toString.call(fn));
    }
  });

  test(`${name} hands over this and the arguments, and what comes back`, () => {
    const result = {};
    const object = {
      method: wrap(function (this: unknown, ...args: unknown[]) {
        return [this, args, result];
      }),
    };
    const [self, args, same] = object.method(1, "b");
    assert.ok(self === object && same === result);
    assert.deepEqual(args, [1, "b"]);
  });

  test(`${name} lets through whatever is thrown`, async () => {
    const { faults } = llmlab.stats();
    for (const thrown of [new Error("x"), "text", undefined, null, 7, Symbol("s"), Object.create(null)]) {
      const throwing = wrap(() => {
        throw thrown;
      });
      assert.equal(caught(throwing), thrown);
      const rejecting = wrap(async () => {
        throw thrown;
      });
      assert.equal(await rejecting().then(assert.fail, (error: unknown) => error), thrown);
    }
    assert.equal(llmlab.stats().faults, faults);
  });

  test(`${name} gives a promise that has methods of its own as it is, and its rejection stays the caller's`, async () => {
    class Lazy extends Promise<unknown> {
      withResponse() {}
    }
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: it is lazy, and that it is left alone is what is tested
      then() {
        throw new Error("somebody began it");
      },
    };
    const dressed = Object.assign(Promise.resolve(USAGE), { cancel() {} });
    const foreign: unknown = runInNewContext("(class extends Promise {}).resolve(1)");
    for (const promise of [Lazy.resolve(USAGE), thenable, dressed, foreign]) {
      assert.equal(wrap(() => promise)(), promise);
    }
    const reason = new Error("nobody handles it");
    const unhandled = unhandledRejection();
    wrap(() => Lazy.reject(reason))();
    assert.equal(await unhandled, reason);
  });

  test(`${name} leaves the rejection of a plain function's promise to its caller, and reports it once`, async () => {
    const reason = new Error("nobody handles it");
    for (const rejected of [() => Promise.reject(reason), () => runInNewContext("(e) => Promise.reject(e)")(reason)]) {
      const unhandled = unhandledRejection();
      wrap(rejected)();
      assert.equal(await unhandled, reason);
      assert.equal(await reports(() => wrap(rejected)().catch(() => {})), 0);
    }
  });

  test(`${name} gives one promise for one, so that whoever handles a cached one handles it for all`, async () => {
    const cached = Promise.reject(new Error("of the first"));
    const load = wrap(() => cached);
    const count = await reports(async () => {
      load(); // it warms the cache
      assert.equal(load(), load());
      await load().catch(() => {});
    });
    assert.equal(count, 0);
  });

  // Whether others handle a promise cannot be seen, and to silence the one in its place would hide what is nobody's.
  test(`${name} leaves a promise to its caller also if the function has handled it itself`, async () => {
    const failing = wrap(() => {
      const promise = Promise.reject(new Error("logged"));
      promise.catch(() => {});
      return promise;
    });
    assert.equal(await reports(() => failing()), 1);
  });

  test(`${name} leaves the rejection of an async function to its caller, and reports it once`, async () => {
    const reason = { not: "an error" };
    const rejecting = wrap(async () => {
      throw reason;
    });
    const unhandled = unhandledRejection();
    rejecting();
    assert.equal(await unhandled, reason);
    const count = await reports(async () => assert.equal(await rejecting().catch((error: unknown) => error), reason));
    assert.equal(count, 0);
  });

  test(`${name} keeps generators: what goes in, what comes out, and how they end`, () => {
    // biome-ignore lint/suspicious/noExplicitAny: it is advanced with and without a number
    function* conversation(first: number): Generator<number, string, any> {
      try {
        const second = yield first;
        try {
          yield second;
        } catch (error) {
          yield (error as { number: number }).number;
        }
        return "done";
      } finally {
        steps.push("closed");
      }
    }
    const steps: string[] = [];
    const wrapped = wrap(conversation);
    const generator = wrapped(1);
    assert.ok(generator instanceof conversation);
    const seen = [
      generator.next(),
      generator.next(2),
      generator.throw({ number: 3 }),
      generator.next(4),
      generator.next(5),
    ];
    assert.deepEqual(seen, [
      { value: 1, done: false },
      { value: 2, done: false },
      { value: 3, done: false },
      { value: "done", done: true },
      { value: undefined, done: true },
    ]);
    assert.deepEqual([...wrapped(7)].slice(0, 1), [7]);
    for (const _ of wrapped(1)) {
      break;
    }
    assert.deepEqual(wrapped(1).return("early"), { value: "early", done: true });
    assert.deepEqual(steps, ["closed", "closed", "closed"]);
  });

  test(`${name} keeps async generators`, async () => {
    const wrapped = wrap(async function* (n: number) {
      for (let i = 0; i < n; i += 1) {
        await turn();
        yield i;
      }
    });
    const seen: number[] = [];
    for await (const item of wrapped(3)) {
      assert.equal(current.getStore(), undefined);
      seen.push(item);
    }
    assert.deepEqual(seen, [0, 1, 2]);
    const failing = wrap(async function* () {
      yield 1;
      throw "text";
    })();
    await failing.next();
    assert.equal(await failing.next().catch((error: unknown) => error), "text");
  });

  test(`${name} leaves a class and what is no function as they are`, () => {
    class Answer {}
    const reject = wrap as (fn: unknown) => unknown;
    assert.equal(reject(Answer), Answer);
    assert.ok(llmlab.stats().faults > 0);
  });

  test(`${name} works on a constructor of the old kind`, () => {
    function Old(this: { a: number }, a: number) {
      this.a = a;
    }
    const Wrapped = wrap(Old) as unknown as new (a: number) => { a: number };
    const made = new Wrapped(3);
    assert.ok(made instanceof Old);
    assert.equal(made.a, 3);
  });
}

function caught(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

function unhandledRejection(): Promise<unknown> {
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  return new Promise((resolve) =>
    process.once("unhandledRejection", (reason) => {
      for (const listener of others) {
        process.on("unhandledRejection", listener);
      }
      resolve(reason);
    }),
  );
}

/** How many rejections nobody handles of what is done. */
async function reports(act: () => unknown): Promise<number> {
  let count = 0;
  const listener = () => {
    count += 1;
  };
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", listener);
  act();
  await turn();
  process.off("unhandledRejection", listener);
  for (const other of others) {
    process.on("unhandledRejection", other);
  }
  return count;
}

test("the result of a function without exchanges is recorded", async () => {
  const ask = llmlab.trackCost(() => USAGE, { feature: "ask", ...NAMED });
  assert.equal(ask(), USAGE);
  const event = await call();
  assert.deepEqual(
    [event.provider, event.model, event.usage, event.cost_usd, event.feature],
    ["openai", "gpt-4", { input: 1000, output: 500 }, "0.06", "ask"],
  );
});

test("so are what an async function resolves to, and the last items of generators", async () => {
  await llmlab.trackCost(async () => USAGE, NAMED)();
  assert.equal((await call()).cost_usd, "0.06");
  for (const _ of llmlab.trackCost(function* () {
    yield "a";
    yield USAGE;
    yield "b";
  }, NAMED)()) {
    // It is read to its end.
  }
  assert.equal((await call()).cost_usd, "0.06");
  for await (const _ of llmlab.trackCost(async function* () {
    yield USAGE;
  }, NAMED)()) {
    // The same.
  }
  assert.equal((await call()).cost_usd, "0.06");
});

test("so is what the promise of a plain function resolves to, once", async () => {
  const cached = Promise.resolve(USAGE);
  const ask = llmlab.trackCost(() => cached, NAMED);
  assert.deepEqual([await ask(), await ask()], [USAGE, USAGE]);
  assert.equal((await calls()).length, 1);
});

test("a step lasts until the promise of a plain function is settled, and ends as that does", async () => {
  const answer = async () => {
    await turn();
    llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });
    throw new DOMException("given up", "AbortError");
  };
  const step = llmlab.trace(() => answer(), { name: "lowered" });
  await step().catch(() => {});
  const last = (await taken()).at(-1);
  assert.deepEqual([last?.name, last?.status, last?.error_type], ["lowered", "cancelled", "AbortError"]);
});

test("what began or was recorded inside is not recorded again", async () => {
  const url = "https://api.openai.com/v1/chat/completions";
  const ask = llmlab.trackCost(async () => {
    await turn();
    beginExchange("POST", url, '{"model":"gpt-4"}', () => "")?.unsent();
    return USAGE;
  }, NAMED);
  await ask();
  const told = llmlab.trackCost(() => {
    llmlab.trackCall("openai", "gpt-4", { inputTokens: 1, outputTokens: 1 });
    return USAGE;
  }, NAMED);
  told();
  assert.deepEqual((await call()).usage, { input: 1, output: 1 });
});

test("the innermost wrapper records", async () => {
  const inner = llmlab.trackCost(() => USAGE, { feature: "inner", ...NAMED });
  llmlab.trackCost(() => inner(), { feature: "outer", user: "ann" })();
  const event = await call();
  assert.deepEqual([event.feature, event.user], ["inner", "ann"]);
});

test("a cached answer is not recorded where the program says so", async () => {
  llmlab.trackCost(() => llmlab.track({ record: false }, () => USAGE), NAMED)();
  assert.deepEqual(await calls(), []);
});

test("a scope tells what was spent, also of what runs on in it", async () => {
  const scope = await llmlab.track({ feature: "search", user: 42, tags: { team: 7 } }, async (t) => {
    assert.deepEqual([t.cost, t.calls, t.begun], ["0", 0, 0]);
    await turn();
    llmlab.trackCall("openai", "gpt-4", { inputTokens: 1000, outputTokens: 500 });
    return t;
  });
  assert.deepEqual([scope.cost, scope.costNumber, scope.calls, scope.unpriced], ["0.06", 0.06, 1, 0]);
  const event = await call();
  assert.deepEqual([event.feature, event.user, event.tags], ["search", "42", { team: "7" }]);
  llmlab.track({}, (t) => {
    llmlab.trackCall("nobody", "nothing", { inputTokens: 1 });
    assert.deepEqual([t.cost, t.costNumber, t.calls, t.unpriced], [null, null, 1, 1]);
  });
});

test("scopes of tasks side by side do not mix, and none is left behind", async () => {
  const work = llmlab.trackCost(async (user: string) => {
    await llmlab.track({ user }, async () => {
      await turn();
      llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 });
    });
  });
  await Promise.all(["ann", "bob", "eve"].map(work));
  assert.equal(current.getStore(), undefined);
  assert.deepEqual((await calls()).map((event) => event.user).sort(), ["ann", "bob", "eve"]);
});

test("the calls and steps inside a step are its children", async () => {
  const tool = llmlab.trace(() => llmlab.trackCall("openai", "gpt-4", { inputTokens: 1 }), { name: "t", kind: "tool" });
  async function plan() {
    await turn();
    tool();
    throw new RangeError("x");
  }
  const agent = llmlab.trace(plan);
  await agent().catch(() => {});
  const events = new Map((await taken()).map((event: Event) => [event.step_kind ?? "call", event]));
  const [outer, inner, made] = [events.get("function"), events.get("tool"), events.get("call")];
  assert.deepEqual([outer?.name, outer?.status, outer?.error_type], ["plan", "error", "RangeError"]);
  assert.equal(inner?.parent_id, outer?.span_id);
  assert.equal(made?.parent_id, inner?.span_id);
  assert.equal(made?.trace_id, outer?.trace_id);
});
