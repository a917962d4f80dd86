/** Functions put in the place of methods of a client's classes, and taken out again without a trace. */

/** A method, of whatever class. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;
/** Makes the function to put in place of the original; it asks whether the patch is still wanted. */
export type Wrap = (original: Method, patch: Patch) => Method;

/** A method that was replaced. */
export class Patch {
  active = true;
  readonly #owner: object;
  readonly #name: string;
  readonly #before: PropertyDescriptor | undefined;
  readonly #function: Method;

  constructor(owner: object, name: string, wrap: Wrap) {
    const original: unknown = Reflect.get(owner, name);
    if (typeof original !== "function") {
      throw new TypeError(`there is no method ${name}`);
    }
    this.#owner = owner;
    this.#name = name;
    this.#before = Object.getOwnPropertyDescriptor(owner, name); // none: inherited
    this.#function = like(original as Method, wrap(original as Method, this));
  }

  isOf(owner: object, name: string): boolean {
    return this.#owner === owner && this.#name === name;
  }

  put(): void {
    define(this.#owner, this.#name, this.#function, this.#before?.enumerable ?? true);
  }

  /** Whether it is out; where somebody else has patched over it, it stays in and sees nothing. */
  take(): boolean {
    this.active = false;
    if (Object.getOwnPropertyDescriptor(this.#owner, this.#name)?.value !== this.#function) {
      return false;
    }
    if (this.#before === undefined) {
      return Reflect.deleteProperty(this.#owner, this.#name);
    }
    return Reflect.defineProperty(this.#owner, this.#name, this.#before);
  }
}

/** The patches of a transport. All methods are found before the first one is replaced. */
export class Patches {
  #known: Patch[] = [];

  /** Puts functions in the place of methods; those that are there already see again. */
  put(methods: readonly (readonly [owner: object, name: string, wrap: Wrap])[]): void {
    const known = (owner: object, name: string) => this.#known.find((patch) => patch.isOf(owner, name));
    const missing = methods.filter(([owner, name]) => known(owner, name) === undefined);
    for (const patch of missing.map((method) => new Patch(...method))) {
      patch.put();
      this.#known.push(patch);
    }
    for (const patch of this.#known) {
      patch.active = true;
    }
  }

  /** Takes all of them out. */
  take(): void {
    this.#known = this.#known.filter((patch) => !patch.take());
  }
}

/**
 * Puts a function in the place of a method of one object alone, where nothing that lists properties comes upon it. Whether
 * it could. The original is that object's, whatever it is called on.
 */
export function override(
  target: object,
  name: PropertyKey,
  wrap: (original: (...args: unknown[]) => unknown) => (...args: unknown[]) => unknown,
): boolean {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function" || !Object.isExtensible(target)) {
    return false;
  }
  const value = wrap((...args) => Reflect.apply(original, target, args));
  return Reflect.defineProperty(target, name, { value, enumerable: false, configurable: true, writable: true });
}

function like(original: Method, method: Method): Method {
  for (const name of ["name", "length"]) {
    Object.defineProperty(method, name, { value: Reflect.get(original, name), configurable: true });
  }
  return method;
}

function define(target: object, name: string, value: Method, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, enumerable, configurable: true, writable: true });
}
