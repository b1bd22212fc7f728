import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createControlGroup } from "./control-group.ts";

const BOOT_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** What a root shell on a console of Debian has. */
const LOGIN_ENVIRONMENT = {
  HOME: "/root",
  LOGNAME: "root",
  USER: "root",
  SHELL: "/bin/bash",
  LANG: "C.UTF-8",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

/** `host` (the default) shares the test's network, so that a server on 127.0.0.1 of the test serves the host. */
export type HostNetwork = "host" | { namespace: string };

export interface ExecOptions {
  /** Added to a login-like environment. */
  env?: Record<string, string>;
  /** Octal, `0022` when absent. */
  umask?: string;
  stdin?: string | Blob;
}

export interface ExecResult {
  /** 128 + n for a program that signal n ended. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A booted systemd: the pid of its first process as the test sees it, and the end of the container around it. */
export interface Machine {
  leader: number;
  ended: Promise<unknown>;
}

/** Boots the system in `<folder>/root`; fails with the tail of its console when it does not come up within a minute. */
export async function boot(name: string, folder: string, network: HostNetwork = "host"): Promise<Machine> {
  const console = join(folder, "console.log");
  const container = Bun.spawn(
    [
      // Ends with the test, even when that is killed.
      ...["setpriv", "--pdeathsig", "KILL"],
      ...["sh", "-c", 'for group in $GROUPS_TO_JOIN; do echo $$ >"$group/cgroup.procs"; done; exec "$@"', "sh"],
      ...["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"],
      ...[`--machine=${name}`, `--directory=${join(folder, "root")}`],
      ...(network === "host" ? [] : [`--network-namespace-path=/run/netns/${network.namespace}`]),
    ],
    {
      env: { ...LOGIN_ENVIRONMENT, GROUPS_TO_JOIN: createControlGroup(name).join(" ") },
      stdin: "ignore",
      stdout: Bun.file(console),
      stderr: Bun.file(console),
    },
  );
  let isRunning = true;
  const ended = container.exited.finally(() => {
    isRunning = false;
  });
  const deadline = performance.now() + BOOT_TIMEOUT_MS;
  while (isRunning && performance.now() < deadline) {
    const leader = firstProcess(container.pid);
    if (leader === undefined) {
      await Bun.sleep(POLL_MS);
      continue;
    }
    const { stdout } = await execInside(leader, ["systemctl", "is-system-running", "--wait"]);
    if (["running", "degraded"].includes(stdout.trim())) return { leader, ended };
    await Bun.sleep(POLL_MS);
  }
  throw new Error(`the host \`${name}\` did not boot:\n${readFileSync(console, "utf8").slice(-4000)}`);
}

/** The child of the container that is process 1 inside, once its systemd listens. */
function firstProcess(container: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${container}/task/${container}/children`, "utf8").trim().split(" ");
    const leader = children.find((pid) => /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8")));
    return leader !== undefined && existsSync(`/proc/${leader}/root/run/systemd/private`) ? Number(leader) : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a program in the namespaces of the machine. */
export async function execInside(
  leader: number,
  argv: readonly string[],
  { env, umask = "0022", stdin = "" }: ExecOptions = {},
): Promise<ExecResult> {
  const child = Bun.spawn(
    [
      ...["nsenter", "-t", String(leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"],
      ...["sh", "-c", 'umask "$0" && cd /root && exec "$@"', umask, ...argv],
    ],
    {
      env: { ...LOGIN_ENVIRONMENT, ...env },
      stdin: typeof stdin === "string" ? new Blob([stdin]) : stdin,
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, stdout, stderr };
}
