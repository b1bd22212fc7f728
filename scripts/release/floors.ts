import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Variant } from "./variants.ts";

/** The oldest kernel on whose system calls an executable does all its work, as `measureKernels` finds. */
export const KERNEL_FLOOR = "3.10";

/** The oldest processors that an executable runs on, as `measureProcessors` finds. */
export const CPU_FLOOR = {
  amd64: "x86-64 with SSE4.2 and POPCNT (Intel since Nehalem, 2008; AMD since Bulldozer, 2011)",
  arm64: "ARMv8-A without extensions (Cortex-A53, 2012)",
} as const satisfies Record<Variant["architecture"], string>;

/** One thing that was tried, and whether the executable did its work with it. */
export interface Trial {
  name: string;
  works: boolean;
}

/** Models of qemu, from old to new; a feature that is taken away shows what it is needed for. */
const PROCESSORS = {
  amd64: [
    "Penryn",
    "Nehalem,-sse4.2",
    "Nehalem,-popcnt",
    "Nehalem",
    "SandyBridge",
    "Haswell",
    "Opteron_G3",
    "Opteron_G4",
    "EPYC",
  ],
  arm64: ["cortex-a53", "cortex-a72", "neoverse-n1"],
} as const satisfies Record<Variant["architecture"], readonly string[]>;

const QEMU = {
  amd64: ["/usr/bin/qemu-x86_64-static"],
  arm64: ["/usr/bin/qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"],
} as const satisfies Record<Variant["architecture"], readonly string[]>;

/** Starts an executable on processors that qemu plays. */
export async function measureProcessors(
  executable: string,
  architecture: Variant["architecture"],
  models: readonly string[] = PROCESSORS[architecture],
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const name of models) {
    trials.push({ name, works: await succeeds([...QEMU[architecture], "-cpu", name, executable, "version"]) });
  }
  return trials;
}

/** System calls by the kernel that brought them; a kernel has those of the older ones (the manual's syscalls(2)). */
const CALLS_SINCE = {
  "3.17": "renameat2,sched_setattr,sched_getattr,getrandom,memfd_create,seccomp",
  "4.4": "bpf,execveat,userfaultfd,membarrier,mlock2",
  "4.18": "copy_file_range,preadv2,pwritev2,pkey_mprotect,pkey_alloc,pkey_free,statx,io_pgetevents,rseq",
  "5.4":
    "pidfd_send_signal,io_uring_setup,io_uring_enter,io_uring_register,open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,pidfd_open,clone3",
  "5.10": "openat2,pidfd_getfd,faccessat2,close_range,process_madvise",
  newer: "epoll_pwait2,mount_setattr,landlock_create_ruleset,memfd_secret,futex_waitv,?cachestat,?fchmodat2",
} as const;

/** The kernels before which each of these sets of calls was not there. */
const KERNELS = {
  "3.10": "3.17",
  "3.17": "4.4",
  "4.4": "4.18",
  "4.18": "5.4",
  "5.4": "5.10",
  "5.10": "newer",
} as const;

/**
 * Runs a command of the executable with only the system calls of older kernels: all later ones answer that they do not exist
 * (`strace`). That shows what it can do without, not how such a kernel behaves.
 */
export async function measureKernels(argvFor: (kernel: string) => readonly string[]): Promise<Trial[]> {
  const since = Object.keys(CALLS_SINCE);
  const log = mkdtempSync(join(tmpdir(), "floors-"));
  try {
    const trials: Trial[] = [];
    for (const [name, firstMissing] of Object.entries(KERNELS)) {
      const missing = Object.entries(CALLS_SINCE).filter(
        ([kernel]) => since.indexOf(kernel) >= since.indexOf(firstMissing),
      );
      const calls = missing.map(([, names]) => names).join(",");
      const strace = ["strace", "--follow-forks", "-qq", "-o", join(log, name)];
      const works = await succeeds([...strace, `--trace=${calls}`, `--inject=${calls}:error=ENOSYS`, ...argvFor(name)]);
      trials.push({ name, works });
    }
    return trials;
  } finally {
    rmSync(log, { recursive: true });
  }
}

async function succeeds(argv: readonly string[]): Promise<boolean> {
  const child = Bun.spawn([...argv], { env: {}, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  return (await child.exited) === 0;
}
