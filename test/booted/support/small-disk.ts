import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { BootedHost } from "../../support/booted-host.ts";
import { must } from "../../support/must.ts";

/** A real ext4 of its own under a folder of a booted host. */
export interface SmallDisk extends Disposable {
  /** Makes the file system find an error in itself: from then on it is read-only, whoever writes. */
  break(): void;
  /** Repairs it and mounts it anew; nothing of the host may use it then. */
  repair(): Promise<void>;
}

/** Mounts a fresh ext4 of `megabytes` at `path` of the host. It goes with the host; disposing removes what backs it. */
export async function mountSmallDisk(host: BootedHost, path: string, megabytes: number): Promise<SmallDisk> {
  const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
  const image = join(folder, "image");
  await must(["truncate", `--size=${megabytes}M`, image]);
  await must(["mkfs.ext4", "-q", "-m", "0", image]);
  let device = await mount(host, path, image);
  return {
    break: () => writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, "1"),
    async repair() {
      await inside(host, "umount", path);
      // It says by its exit code, 1, that there was something to repair.
      await must(["sh", "-c", 'e2fsck -fy "$0" || test $? -eq 1', image]);
      device = await mount(host, path, image);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

/** Mounts a tmpfs of `megabytes` over a folder of the host, with all that lies in it. */
export async function mountOver(host: BootedHost, path: string, megabytes: number): Promise<void> {
  const aside = `/run/aside-${crypto.randomUUID()}`;
  await inside(host, "cp", "--archive", path, aside);
  await inside(host, "mount", "-t", "tmpfs", "-o", `size=${megabytes}M,mode=0755`, "tmpfs", path);
  await inside(host, "cp", "--archive", `${aside}/.`, path);
}

const FILLER = ".filler";

/** One large file for nine tenths, one up to where a large write fails, then a file a block: ext4 refuses the large ones first. */
const FILL = `cd "$0" || exit
free=$(df --output=avail -k . | tail -n 1)
fallocate -l $((free * 9 / 10))K ${FILLER} || exit
cat /dev/zero >${FILLER}-rest 2>/dev/null
block=0
while head -c 4096 /dev/zero >${FILLER}-$block 2>/dev/null && sync ${FILLER}-$block; do block=$((block + 1)); done
true`;

/** Takes every free block of the file system at `path`; disposing gives them back. */
export async function fill(host: BootedHost, path: string): Promise<AsyncDisposable> {
  await inside(host, "sh", "-c", FILL, path);
  return {
    async [Symbol.asyncDispose]() {
      await inside(host, "sh", "-c", `rm "$0"/${FILLER}*`, path);
    },
  };
}

/** Takes all writing away from the file system that is mounted at `path`; disposing gives it back. */
export async function mountReadOnly(host: BootedHost, path: string): Promise<AsyncDisposable> {
  await inside(host, "mount", "-o", "remount,ro", path);
  return {
    async [Symbol.asyncDispose]() {
      await inside(host, "mount", "-o", "remount,rw", path);
    },
  };
}

/** The root of the host as its own processes see it, mounts and all, as a path of the test machine. */
export async function rootWithMounts(host: BootedHost): Promise<string> {
  const namespace = (await inside(host, "readlink", "/proc/1/ns/mnt")).trimEnd();
  const first = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && isFirstIn(pid, namespace));
  if (first === undefined) throw new Error("the first process of the host is not to be found");
  return `/proc/${first}/root`;
}

function isFirstIn(pid: string, namespace: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/ns/mnt`) === namespace &&
      /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
    );
  } catch {
    // Processes come and go, and kernel threads have no such link.
    return false;
  }
}

/** The loop device goes with its last mount. */
async function mount(host: BootedHost, path: string, image: string): Promise<string> {
  const device = (await must(["losetup", "--find", "--show", image])).trimEnd();
  try {
    const minor = /\d+$/.exec(device)?.[0] ?? "";
    const node = `/dev/small-disk-${minor}`;
    await inside(host, "sh", "-c", 'test -e "$0" || mknod "$0" b 7 "$1"', node, minor);
    await inside(host, "mkdir", "-p", path);
    await inside(host, "mount", "-t", "ext4", "-o", "errors=remount-ro", node, path);
  } finally {
    await must(["losetup", "--detach", device]);
  }
  return device;
}

async function inside(host: BootedHost, ...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await host.exec(argv);
  if (exitCode !== 0) throw new Error(`\`${argv.join(" ")}\` exited ${exitCode}:\n${stderr}`);
  return stdout;
}
