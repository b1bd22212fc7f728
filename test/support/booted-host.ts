import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { resolveInRoot } from "../../src/platform/root-path.ts";
import { baseImage, CACHE_FOLDER, type Suite } from "./base-image.ts";
import { boot, type ExecOptions, type ExecResult, execInside, type HostNetwork, type Machine } from "./container.ts";
import { missingControlGroups, removeControlGroup } from "./control-group.ts";
import { must } from "./must.ts";
import { isLeftBehind, ownedName } from "./owned-name.ts";

const PROGRAMS = ["systemd-nspawn", "mmdebstrap", "nsenter", "setpriv", "mount"];
const HOSTS_FOLDER = join(CACHE_FOLDER, "hosts");
const RUNTIME_FOLDER = "/run/systemd/nspawn/propagate";

export interface HostOptions {
  suite?: Suite;
  /** Debian packages that are installed besides those of every host; an image is kept for each list. */
  packages?: readonly string[];
  network?: HostNetwork;
  /** Put in place before the first boot. */
  files?: Record<string, HostFile>;
  /** Called with the root directory of the host before its first boot. */
  beforeBoot?: (directory: string) => void | Promise<void>;
}

/** Its text (mode 0644), or content and mode; `Bun.file(path)` is a content. */
export type HostFile = string | { content: string | Blob; mode: number };

/** A Debian with a systemd of its own, which vanishes when it is disposed of. */
export interface BootedHost extends AsyncDisposable {
  /** Its root directory as the test sees it: without the host's own mounts, such as `/run` and `/tmp`. */
  readonly directory: string;
  /** Runs a program inside, as root, in `/root`. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Fails when the file cannot be read. */
  readFile(path: string): Promise<string>;
  /** Makes missing directories too. */
  writeFile(path: string, file: HostFile): Promise<void>;
  /** A clean shutdown and a new boot over the same disk. */
  reboot(how?: "reboot" | "poweroff"): Promise<void>;
}

/** Why no host can be booted here, or undefined when one can. */
export function canBoot(): string | undefined {
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = PROGRAMS.find((program) => Bun.which(program) === null);
  return missing === undefined ? missingControlGroups() : `\`${missing}\` is not installed`;
}

/** Boots a throw-away copy of the suite's base image, which takes about a second once the image is there. */
export async function bootHost(options: HostOptions = {}): Promise<BootedHost> {
  await sweepLeftBehind();
  const image = await baseImage(options.suite, options.packages);
  const name = ownedName();
  const folder = join(HOSTS_FOLDER, name);
  const directory = join(folder, "root");
  let machine: Machine;
  try {
    await mountCopy(image, folder);
    for (const [path, file] of Object.entries(options.files ?? {})) await place(directory, path, file);
    await options.beforeBoot?.(directory);
    machine = await boot(name, folder, options.network);
  } catch (error) {
    await remove(name);
    throw error;
  }

  const exec: BootedHost["exec"] = (argv, execOptions) => execInside(machine.leader, argv, execOptions);
  return {
    directory,
    exec,
    async readFile(path) {
      const { exitCode, stdout, stderr } = await exec(["cat", "--", path]);
      if (exitCode !== 0) throw new Error(`\`${path}\` of the host cannot be read: ${stderr}`);
      return stdout;
    },
    async writeFile(path, file) {
      const { content, mode } = typeof file === "string" ? { content: file, mode: 0o644 } : file;
      const script = 'mkdir -p "$(dirname "$0")" && cat >"$0" && chmod "$1" "$0"';
      const { exitCode, stderr } = await exec(["sh", "-c", script, path, mode.toString(8)], { stdin: content });
      if (exitCode !== 0) throw new Error(`\`${path}\` of the host cannot be written: ${stderr}`);
    },
    async reboot(how = "reboot") {
      // Its answer is lost when systemd goes down first.
      await exec(["systemctl", how]);
      await machine.ended;
      machine = await boot(name, folder, options.network);
    },
    [Symbol.asyncDispose]: () => remove(name),
  };
}

/** A copy on write: the host's changes go to `upper`, and the image stays as it is. */
async function mountCopy(image: string, folder: string): Promise<void> {
  for (const part of ["upper", "work", "root"]) mkdirSync(join(folder, part), { recursive: true });
  const layers = `lowerdir=${image},upperdir=${join(folder, "upper")},workdir=${join(folder, "work")}`;
  await must(["mount", "-t", "overlay", "-o", layers, "overlay", join(folder, "root")]);
}

async function place(directory: string, path: string, file: HostFile): Promise<void> {
  const { content, mode } = typeof file === "string" ? { content: file, mode: 0o644 } : file;
  const at = resolveInRoot(directory, path, "all");
  await Bun.write(at, content);
  chmodSync(at, mode);
}

async function remove(name: string): Promise<void> {
  const folder = join(HOSTS_FOLDER, name);
  await removeControlGroup(name);
  if (readFileSync("/proc/self/mounts", "utf8").includes(` ${join(folder, "root")} `)) {
    await must(["umount", join(folder, "root")]);
  }
  rmSync(folder, { recursive: true, force: true });
  rmSync(join(RUNTIME_FOLDER, name), { recursive: true, force: true });
}

/** A run that was killed could not clean up: the next one does. */
async function sweepLeftBehind(): Promise<void> {
  if (!existsSync(HOSTS_FOLDER)) return;
  for (const name of readdirSync(HOSTS_FOLDER).filter(isLeftBehind)) await remove(name);
}
