import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { digestOf } from "./digests.ts";
import type { ReleasePlan } from "./release-plan.ts";
import { executableOf } from "./variants.ts";

/** Who builds, and in which surroundings. */
interface Builder {
  /** Below a folder that everybody may enter. */
  folder: string;
  user: number;
  umask: string;
  environment: Record<string, string>;
}

const BUILDERS: readonly Builder[] = [
  { folder: "a", user: 0, umask: "022", environment: { HOME: "/root", TZ: "UTC", LANG: "C" } },
  {
    folder: "another/folder much deeper",
    user: 65534,
    umask: "077",
    environment: { HOME: "/nonexistent", TZ: "Pacific/Kiritimati", LANG: "C.UTF-8", SOURCE_DATE_EPOCH: "1" },
  },
];

/**
 * Builds the present tree twice, from clones in folders of different depth, with packages that are fetched anew, as different
 * users with different homes, umasks, time zones and languages, and compares each executable with the one in `dist/`. Needs root
 * and the registry. Fails when one differs.
 */
export async function reproduceExecutables({ variants, trustedKeys }: ReleasePlan): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("building as different users needs root");
  const work = mkdtempSync(join(tmpdir(), "reproduce-"));
  try {
    chmodSync(work, 0o755);
    const keys = trustedKeys.map((path, index) => {
      const copy = join(work, `${index}.pub`);
      copyFileSync(path, copy);
      chmodSync(copy, 0o644);
      return `--trusted-key=${copy}`;
    });
    for (const builder of BUILDERS) {
      const clone = join(work, builder.folder);
      await cloneTree(clone, builder.user);
      await build(clone, builder, keys);
      for (const variant of variants) {
        const path = executableOf(variant);
        const [here, there] = [await digestOf(path), await digestOf(join(clone, path))];
        if (here !== there)
          throw new Error(`\`${path}\` is ${here} here, and ${there} when \`${builder.user}\` builds it elsewhere`);
      }
      rmSync(clone, { recursive: true });
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** A clone, and over it the files that are not committed: none, but in a trial. */
async function cloneTree(clone: string, user: number): Promise<void> {
  mkdirSync(dirname(clone), { recursive: true });
  await run(["git", "clone", "--quiet", ".", clone]);
  const files = await run(["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"]);
  for (const file of files.split("\0").filter((name) => name !== "")) {
    if (existsSync(file)) cpSync(file, join(clone, file));
    else rmSync(join(clone, file));
  }
  await installPackages(clone);
  await run(["chown", "--recursive", `${user}:${user}`, clone]);
}

/** From the registry, as `bun.lock` pins them: ours, and a cache that others filled, may hold what nobody published. */
async function installPackages(clone: string): Promise<void> {
  const cache = `${clone}.cache`;
  try {
    const argv = [process.execPath, "install", "--cwd", clone, "--frozen-lockfile", "--cpu=*", "--os=linux"];
    await run(argv, { ...process.env, BUN_INSTALL_CACHE_DIR: cache });
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function build(clone: string, { user, umask, environment }: Builder, options: readonly string[]): Promise<void> {
  const asUser = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
  const script = 'umask "$0" && cd "$1" && shift && exec "$@"';
  const argv = [process.execPath, "scripts/build.ts", "--no-arm64-start", ...options];
  await run([...asUser, "sh", "-c", script, umask, clone, ...argv], { ...environment, PATH: "/usr/bin:/bin" });
}

async function run(argv: readonly string[], env: Record<string, string | undefined> = process.env): Promise<string> {
  const child = Bun.spawn([...argv], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`\`${argv.join(" ")}\` exited ${exitCode}:\n${stdout}${stderr}`);
  return stdout;
}
