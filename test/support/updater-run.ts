import { join } from "node:path";

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");

export interface UpdaterRun {
  exitCode: number;
  /** All that both runs said. */
  said: string;
  /** Of the failure, as the text log has it. */
  code: string | undefined;
}

/** Runs the program over the tree at `root`, telling all that it ever would: once in each format of its log. */
export async function runUpdater(
  root: string,
  words: readonly string[],
  environment: Record<string, string> = {},
): Promise<UpdaterRun> {
  let said = "";
  let exitCode = 0;
  for (const format of ["text", "json"]) {
    const argv = [process.execPath, PROGRAM, ...words, "--debug", "--log-format", format, "--root", root];
    const child = Bun.spawn(argv, { env: environment, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    said += stdout + stderr;
    exitCode = await child.exited;
  }
  return { exitCode, said, code: / code:(E_\w+)/.exec(said)?.[1] };
}
