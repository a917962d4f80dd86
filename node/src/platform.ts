/** Which package has the addon of this platform: npm installs the one that fits, as an optional dependency. */

import { closeSync, openSync, readSync } from "node:fs";

/** What a platform's package is named, by the conventions of napi-rs, whether or not there is one. */
export function platformPackage(): string {
  return `@llmlab/${process.platform}-${process.arch}${toolchain()}`;
}

function toolchain(): string {
  switch (process.platform) {
    case "linux":
      return usesMusl() ? "-musl" : "-gnu";
    case "win32":
      return "-msvc";
    default:
      return "";
  }
}

/** The first page of an executable names the loader of its libraries. A report of the process would say it too, slowly. */
function usesMusl(): boolean {
  try {
    const page = Buffer.alloc(4096);
    const file = openSync(process.execPath, "r");
    readSync(file, page, 0, page.length, 0);
    closeSync(file);
    return page.includes("/ld-musl-");
  } catch {
    return false;
  }
}
