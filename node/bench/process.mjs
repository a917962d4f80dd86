/** Programs of the bench in processes of their own: what one library patches, another would have patched. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Runs a program of this folder, and gives the JSON that it prints last. */
export async function figures(program, ...args) {
  const { stdout } = await promisify(execFile)(process.execPath, [here(program), ...args], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** A server of the Python bench, which prints its port; `use` gets its address. */
export async function withServer(name, args, use) {
  const server = spawn(process.env.PYTHON ?? "python3", [here(`../../python/benches/${name}`), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    server.once("exit", (code) => code && process.exit(code));
    const [port] = await once(createInterface(server.stdout), "line");
    return await use(`http://127.0.0.1:${port}`);
  } finally {
    server.kill();
  }
}
