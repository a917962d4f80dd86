/** Imported before anything else by every test: an empty home, so that nothing is found and nothing left behind. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

for (const name of Object.keys(process.env)) {
  if (name.startsWith("LLMLAB_") && name !== "LLMLAB_SHARED" && name !== "LLMLAB_CORPUS") {
    delete process.env[name];
  }
}

/** The home of this test file. */
export const home = mkdtempSync(join(tmpdir(), "llmlab-"));

process.env.LLMLAB_HOME = home;
process.on("exit", () => rmSync(home, { recursive: true, force: true }));
