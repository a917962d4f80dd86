/** How functions are wrapped: by a call, by a decorator of the standard, and by one of `experimentalDecorators`. */

import { reject, swallow } from "./guard";

/** Any function, as types see it. */
// biome-ignore lint/suspicious/noExplicitAny: a parameter of any type has to be accepted, which only `any` says
export type AnyFunction = (...args: any[]) => unknown;

/** What `trackCost(options)` and `trace(options)` give: it wraps a function, or decorates a method. */
export interface Decorator {
  /** Wraps a function, or decorates a method in the way of the standard. */
  <F extends AnyFunction>(fn: F, context?: ClassMethodDecoratorContext): F;
  /** Decorates a field that holds a function. */
  (fn: undefined, context: ClassFieldDecoratorContext): <V>(initial: V) => V;
  /** Decorates a method in the way of `experimentalDecorators`. */
  <T>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): TypedPropertyDescriptor<T>;
}

type Wrap = (fn: unknown) => unknown;

/** What a wrapping function was called as: with a function, as a decorator without parentheses, or with options. */
export function applied<O>(
  where: string,
  args: readonly unknown[],
  wrapWith: (options: O | undefined) => Wrap,
): unknown {
  const [first, second] = args;
  if ((isKey(second) && args.length > 2) || isContext(second)) {
    return decorated(where, wrapWith(undefined), args);
  }
  if (typeof first === "function") {
    return decorated(where, wrapWith(second as O | undefined), [first]);
  }
  if (typeof second === "function") {
    reject(where, `the function goes first, as in ${where}(fn, options)`);
    return decorated(where, wrapWith(first as O | undefined), [second]);
  }
  const wrap = wrapWith(first as O | undefined);
  return (...args: unknown[]) => decorated(where, wrap, args);
}

function decorated(where: string, wrap: Wrap, [target, context, descriptor]: readonly unknown[]): unknown {
  try {
    if (isKey(context)) {
      const property = descriptor as PropertyDescriptor | undefined;
      return { ...property, value: wrap(property?.value) };
    }
    if (isContext(context) && context.kind === "field") {
      return (initial: unknown) => (typeof initial === "function" ? decorated(where, wrap, [initial]) : initial);
    }
    return wrap(target);
  } catch (error) {
    swallow(where, error);
    return isKey(context) ? descriptor : target;
  }
}

function isKey(value: unknown): value is string | symbol {
  return typeof value === "string" || typeof value === "symbol";
}

/** The context of a decorator of the standard. The options of `trace` have a `kind`, too. */
function isContext(value: unknown): value is DecoratorContext {
  try {
    return typeof value === "object" && value !== null && typeof Reflect.get(value, "addInitializer") === "function";
  } catch {
    return false; // a proxy or a getter that throws
  }
}
