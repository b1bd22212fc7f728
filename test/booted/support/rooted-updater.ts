import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablePath } from "../../support/executable.ts";
import { type Outcome, outcomeOf } from "./updater-host.ts";

/** The compiled updater and a tree that it works in through `--root`: for what has nothing to do with services. */
export interface RootedUpdater extends Disposable {
  root: string;
  updater(args: readonly string[]): Promise<Outcome>;
}

/** A tree that trusts `authority` as soon as it is enrolled. */
export async function rootedUpdater(authority: string): Promise<RootedUpdater> {
  const program = await executablePath();
  const root = mkdtempSync(join(tmpdir(), "rooted-"));
  mkdirSync(join(root, "etc"));
  const caFile = join(root, "etc/ca.pem");
  await Bun.write(caFile, authority);
  return {
    root,
    async updater(args) {
      const trust = args[0] === "enable" ? ["--ca-file", caFile] : [];
      const child = Bun.spawn([program, "--log-format=json", "--root", root, ...args, ...trust], {
        env: {},
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return outcomeOf({ exitCode, stdout, stderr });
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}
