import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the stand-in for the updater in a tarball does: it notes how it was called, and ends as it is told. */
export const NOTING_PROGRAM = `#!/bin/sh
if [ "$1" = version ]; then exit "\${VERSION_CODE-0}"; fi
printf '%s\\n' "$@" >/mnt/words
env >/mnt/env
umask >/mnt/umask
cat >/mnt/stdin
stat -c '%a %n' "\${0%/*/*}" >/mnt/folder
if [ -p /mnt/started ]; then
  echo >/mnt/started
  exec sleep 60
fi
exit "\${PROGRAM_CODE-0}"
`;

export const SHELLS = {
  dash: ["dash", "-s", "--"],
  busybox: ["busybox", "sh", "-s", "--"],
  bash: ["bash", "--posix", "-s", "--"],
} as const;

const COMMANDS = {
  ...SHELLS,
  /** As bash before 5.0, in whose patterns a range goes by the language of the caller. */
  "old bash": ["bash", "--posix", "+O", "globasciiranges", "-s", "--"],
} as const;

export interface InstallRun {
  exitCode: number;
  /** Of the shell and of all that it started. */
  output: string;
  /** The words that the stand-in got; undefined when it was not run. */
  words: string[] | undefined;
  /** What the stand-in wrote, by its name. */
  noted(name: "env" | "umask" | "stdin" | "folder" | "curl"): string;
  /** What lies in the places for temporary files afterwards. */
  left: string[];
}

export interface InstallOptions {
  shell?: keyof typeof COMMANDS;
  env?: Record<string, string>;
  /** Files for the run, below `/mnt`. */
  files?: Record<string, string>;
  /** Put over programs and files of the machine; an empty text hides a program. */
  cover?: Record<string, string>;
  /** Shell commands before the script, as root of the run's own mounts. */
  before?: string;
  /** Words in front of the shell. */
  under?: readonly string[];
}

const PLACES = ["/tmp", "/var/tmp", "/run", "/opt"];

/**
 * Runs an install script as root of a host: in mounts of its own, with fresh folders for temporary files and the mark of a running
 * systemd. All else is this machine. Needs util-linux, and root or user namespaces.
 */
export async function runInstallScript(
  script: string,
  words: readonly string[],
  { shell = "dash", env = {}, files = {}, cover = {}, before = "", under = [] }: InstallOptions = {},
): Promise<InstallRun> {
  const folder = mkdtempSync(join(tmpdir(), "install-run-"));
  const at = (name: string) => join(folder, name);
  try {
    mkdirSync(at("covers"));
    for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content, { mode: 0o600 });
    const covers = Object.entries(cover).map(([path, content], number) => {
      writeFileSync(at(`covers/${number}`), content, { mode: content === "" ? 0o644 : 0o755 });
      return `mount --bind /mnt/covers/${number} ${path}`;
    });
    const setup = [
      "set -e",
      `mount --bind ${folder} /mnt`,
      ...covers,
      ...PLACES.map((place) => `mount -t tmpfs -o mode=1777 tmpfs ${place}`),
      "mkdir -p /run/systemd/system",
      before,
      "set +e",
      'env -i PATH="$PATH" "$@"',
      "code=$?",
      `find ${PLACES.join(" ")} -xdev -mindepth 1 ! -path '/run/systemd*' ! -path /run/mount >/mnt/left`,
      "exit $code",
    ];
    const unshare = ["unshare", "--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const argv = [...variables, ...under, ...COMMANDS[shell], ...words];
    const child = Bun.spawn([...unshare, "sh", "-c", setup.join("\n"), "sh", ...argv], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      stdin: new Blob([script]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (!existsSync(at("left"))) throw new Error(`the run could not be set up:\n${stdout}${stderr}`);
    const notes = Object.fromEntries(
      ["words", "env", "umask", "stdin", "folder", "curl", "left"].map((name) => [name, textOf(at(name))]),
    );
    return {
      exitCode,
      output: stdout + stderr,
      words: notes["words"]?.split("\n").slice(0, -1),
      noted: (name) => notes[name] ?? "",
      left: notes["left"]?.split("\n").filter(Boolean) ?? [],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
