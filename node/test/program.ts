/** Programs in processes of their own, in a folder where llmlab is installed, with a home that goes with the test. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** The package under test. */
export const PACKAGE = dirname(require.resolve("llmlab/package.json"));
export const COMMAND = join(PACKAGE, "bin", "llmlab.js");

/** After which a program hangs. */
const DEADLINE_MS = 60_000;

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Event {
  kind: string;
  status: string;
  usage: Record<string, number>;
  [field: string]: unknown;
}

/** A folder with a program in it. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "llmlab test "));
  readonly home = join(this.path, "home");

  constructor(context: TestContext) {
    context.after(() => rmSync(this.path, { recursive: true, force: true, maxRetries: 10 }));
    this.install(".");
  }

  /** Installs the package below a folder of this one. */
  install(folder: string): void {
    const modules = join(this.path, folder, "node_modules");
    mkdirSync(modules, { recursive: true });
    symlinkSync(PACKAGE, join(modules, "llmlab"), "junction");
  }

  write(name: string, text: string): string {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  start(
    words: readonly string[],
    variables: NodeJS.ProcessEnv = {},
    options: { detached?: boolean } = {},
  ): ChildProcess {
    return spawn(process.execPath, words, { cwd: this.path, env: this.#environment(variables), ...options });
  }

  /** Runs Node to its end. */
  run(words: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return ended(this.start(words, variables));
  }

  /** Runs a program of CommonJS; it has to end well and say nothing on the standard error. */
  async well(program: string, variables: NodeJS.ProcessEnv = {}): Promise<string> {
    const ran = await this.run([this.write("app.cjs", program)], variables);
    if (ran.code !== 0 || ran.stderr !== "") {
      throw new Error(`it ended with ${ran.code ?? ran.signal}: ${ran.stderr}`);
    }
    return ran.stdout;
  }

  /** What another process finds recorded. */
  calls(): Event[] {
    const ran = spawnSync(process.execPath, [COMMAND, "export"], { env: this.#environment({}), encoding: "utf8" });
    if (ran.status !== 0 || ran.stderr !== "") {
      throw new Error(ran.stderr);
    }
    const events = ran.stdout.split("\n").filter((line) => line !== "");
    return events.map((line) => JSON.parse(line) as Event).filter((event) => event.kind === "call");
  }

  #environment(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(([name]) => !/^(LLMLAB_|NODE_)/.test(name));
    return { ...Object.fromEntries(kept), LLMLAB_HOME: this.home, ...variables };
  }
}

/** Waits for the end of a process, and ends one that hangs. */
export async function ended(child: ChildProcess): Promise<Ran> {
  const ran = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      ran[name] += text;
    });
  }
  const deadline = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(deadline);
  return { ...ran, code, signal };
}
