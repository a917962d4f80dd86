/** What the copies of this package in one thread have in common: two folders of `node_modules` may each have one. */

/** The thing of this name, which the first copy makes. */
export function shared<Thing>(name: string, make: () => Thing): Thing {
  const things = globalThis as unknown as Record<symbol, Thing | undefined>;
  const key = Symbol.for(`llmlab.${name}`);
  things[key] ??= make();
  return things[key];
}

/** The same among copies of the same version, for what may look different in another one. */
export function sharedByVersion<Thing>(name: string, make: () => Thing): Thing {
  const { version } = require("../package.json") as { version: string };
  return shared(`${name} ${version}`, make);
}
