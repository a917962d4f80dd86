/** Finds and loads the addon; where there is none, its absence, said in one warning. */

import { join } from "node:path";
import { absent } from "./absent";
import { watch } from "./exit";
import { told, warnOnce } from "./guard";
import type { Native } from "./native";
import { platformPackage } from "./platform";

interface Manifest {
  version: string;
  optionalDependencies?: Record<string, string>;
}

/** The addon that was built here, or that of this platform's package; it is told of the exit. Never throws. */
export function load(): Native {
  return watch(found());
}

function found(): Native {
  // In an ES module that a bundler made there is no folder.
  return (typeof __dirname === "string" ? builtHere(__dirname) : null) ?? ofPackage(platformPackage());
}

function builtHere(folder: string): Native | null {
  try {
    // A path that a bundler cannot follow: it would ask for a loader of such files.
    return require(join(folder, "..", "native", "llmlab.node")) as Native;
  } catch (error) {
    return isMissing(error) ? null : without(firstLine(error), "run: make build, or remove the folder native");
  }
}

function ofPackage(name: string): Native {
  const manifest = require("../package.json") as Manifest;
  if (!(name in (manifest.optionalDependencies ?? {}))) {
    return without(`it is not built for ${name.slice("@llmlab/".length)}`, "what it is built for is in docs/node.md");
  }
  const fix = `run: npm install --include=optional llmlab@${manifest.version}`;
  try {
    const addon = require(name) as Native;
    if (addon.VERSION !== manifest.version) {
      return without(`${name} is of version ${addon.VERSION}, llmlab of ${manifest.version}`, fix);
    }
    return addon;
  } catch (error) {
    const cause = isMissing(error) ? `${name} is not installed` : `${name}: ${firstLine(error)}`;
    return without(cause, `${fix}; a bundler must leave llmlab external`);
  }
}

function without(cause: string, fix: string): Native {
  warnOnce("addon", `llmlab has no native part here, so nothing is recorded: ${cause}; ${fix}`);
  return absent;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
}

function firstLine(error: unknown): string {
  return told(error).split("\n", 1)[0] ?? "";
}
