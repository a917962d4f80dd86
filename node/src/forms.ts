/**
 * Runs a function of any form (plain, async, generator, async generator, method) within a scope.
 *
 * The form is kept, because frameworks ask for it, and so is everything that the caller can see:
 *
 * - The promise of an `async` function is its caller's alone, so one that follows it takes its place: a rejection that
 *   nobody handles is still one, which it would not be if a handler were put on the function's own promise.
 * - So is an ordinary promise that any other function returns, as compilers make of an `async` one: it is as if `async`
 *   stood before the function. It may be somebody else's as well, in a cache: when it comes by again, it is no news, and the
 *   promise in its place is the one of the first time, so that both are still one to whoever compares or handles them.
 * - A promise of a class with methods of its own (an SDK's), or a lazy one that begins with `then`, is more than its result.
 *   It passes through untouched, and so its result is not read.
 * - A generator stays the object it is; its scope is open only while it runs, never while its consumer does.
 */

import { types } from "node:util";
import { shown } from "./guard";
import type { Scope } from "./scope";
import { current } from "./scope";

/** What a scope is opened for. No method throws. */
export interface Purpose {
  /** Opens the scope. */
  open(outside: Scope | undefined): Scope;
  /** Looks at something that the function returned or yielded. */
  read(scope: Scope, result: unknown): void;
  /** The function came to its end. */
  ended(scope: Scope): void;
  /** The function threw. */
  threw(scope: Scope, error: unknown): void;
}

/** Any function. */
export type Callable = (this: unknown, ...args: unknown[]) => unknown;

const REMEMBERED_ITEMS = 3;

const FORMS: Readonly<Record<string, (purpose: Purpose, fn: Callable) => Callable>> = {
  AsyncFunction: ofAsync,
  GeneratorFunction: ofGenerator,
  AsyncGeneratorFunction: ofGenerator,
};

/** The function, run within a scope that is opened for a purpose. */
export function within(purpose: Purpose, fn: unknown): Callable {
  if (typeof fn !== "function" || Function.prototype.toString.call(fn).startsWith("class")) {
    throw new TypeError(`it wraps functions and methods, not ${shown(fn)}`);
  }
  // By the name, which functions of other realms (vm, jest) share.
  const form = FORMS[String(Reflect.get(fn, Symbol.toStringTag))] ?? ofPlain;
  return dressed(form(purpose, fn as Callable), fn);
}

/** Gives a function the looks of another: name, length, class, and what the program has put on it. */
function dressed(fn: Callable, model: object): Callable {
  for (const key of Reflect.ownKeys(model)) {
    const property = Reflect.getOwnPropertyDescriptor(model, key);
    if (property !== undefined) {
      Reflect.defineProperty(fn, key, property);
    }
  }
  Reflect.setPrototypeOf(fn, Reflect.getPrototypeOf(model));
  return fn;
}

function ofPlain(purpose: Purpose, fn: Callable): Callable {
  return function (this: unknown, ...args: unknown[]): unknown {
    const scope = purpose.open(current.getStore());
    let result: unknown;
    try {
      result = current.run(scope, Reflect.apply<unknown, unknown[], unknown>, fn, this, args);
    } catch (error) {
      purpose.threw(scope, error);
      throw error;
    }
    if (isOrdinaryPromise(result)) {
      return followedOnce(purpose, scope, result);
    }
    purpose.read(scope, result);
    purpose.ended(scope);
    return result;
  };
}

/** What took the place of the promises of plain functions. */
const followers = new WeakMap<Promise<unknown>, Promise<unknown>>();

/** What takes the place of a promise that others may have, too; of one that came by before, it is another run that waits. */
function followedOnce(purpose: Purpose, scope: Scope, promise: Promise<unknown>): Promise<unknown> {
  const known = followers.get(promise);
  if (known !== undefined) {
    purpose.ended(scope);
    return known;
  }
  const follower = followed(purpose, scope, promise);
  followers.set(promise, follower);
  return follower;
}

/** Whether it is a promise of the language, of any realm, and nothing beside: Node itself marks them with symbols. */
function isOrdinaryPromise(value: unknown): value is Promise<unknown> {
  if (!types.isPromise(value) || Object.getOwnPropertyNames(value).length > 0) {
    return false;
  }
  const prototype = Reflect.getPrototypeOf(value);
  if (prototype === Promise.prototype) {
    return true;
  }
  const root = prototype && Reflect.getPrototypeOf(prototype); // a class that extends it has one more in between
  return root !== null && Reflect.getPrototypeOf(root) === null && prototype?.constructor?.name === "Promise";
}

function ofAsync(purpose: Purpose, fn: Callable): Callable {
  return function (this: unknown, ...args: unknown[]): unknown {
    const scope = purpose.open(current.getStore());
    const promise = current.run(scope, Reflect.apply<unknown, unknown[], unknown>, fn, this, args);
    if (!types.isPromise(promise)) {
      purpose.ended(scope); // it was dressed as an async function, but is none
      return promise;
    }
    return followed(purpose, scope, promise);
  };
}

/** The promise that takes the place of another one, and tells the purpose what became of it. */
function followed(purpose: Purpose, scope: Scope, promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (result) => {
      purpose.read(scope, result);
      purpose.ended(scope);
      return result;
    },
    (error: unknown) => {
      purpose.threw(scope, error);
      throw error;
    },
  );
}

type Step = "next" | "return" | "throw";
type Item = IteratorResult<unknown, unknown>;
type Stepper = (...given: unknown[]) => unknown;

function ofGenerator(purpose: Purpose, fn: Callable): Callable {
  return function (this: unknown, ...args: unknown[]): unknown {
    const made = Reflect.apply(fn, this, args);
    if (typeof made === "object" && made !== null) {
      const run = new Run(purpose);
      for (const step of ["next", "return", "throw"] as const) {
        const own: unknown = Reflect.get(made, step);
        if (typeof own === "function") {
          const value = (...given: unknown[]) => run.step(step, () => Reflect.apply(own, made, given) as unknown);
          Reflect.defineProperty(made, step, { value, writable: true, configurable: true, enumerable: false });
        }
      }
    }
    return made;
  };
}

/** One run of a generator, sync or async. It belongs to the scope in which it is first advanced. */
class Run {
  readonly #purpose: Purpose;
  readonly #results: unknown[] = [];
  #scope: Scope | undefined;
  #isOver = false;

  constructor(purpose: Purpose) {
    this.#purpose = purpose;
  }

  /** Advances the generator within the scope, and leaves that with it. */
  step(step: Step, advance: Stepper): unknown {
    if (this.#isOver || (this.#scope === undefined && step !== "next")) {
      return advance(); // nothing of the function runs
    }
    this.#scope ??= this.#purpose.open(current.getStore());
    const scope = this.#scope;
    let item: unknown;
    try {
      item = current.run(scope, advance);
    } catch (error) {
      this.#threw(scope, error);
      throw error;
    }
    if (!types.isPromise(item)) {
      return this.#came(scope, item as Item);
    }
    return item.then(
      (item) => this.#came(scope, item as Item),
      (error: unknown) => {
        this.#threw(scope, error);
        throw error;
      },
    );
  }

  #came(scope: Scope, item: Item): Item {
    if (this.#isOver) {
      return item;
    }
    this.#results.push(item.value);
    if (this.#results.length > REMEMBERED_ITEMS) {
      this.#results.shift();
    }
    if (item.done) {
      this.#isOver = true;
      for (const result of this.#results.reverse()) {
        this.#purpose.read(scope, result);
      }
      this.#purpose.ended(scope);
    }
    return item;
  }

  #threw(scope: Scope, error: unknown): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#purpose.threw(scope, error);
    }
  }
}
