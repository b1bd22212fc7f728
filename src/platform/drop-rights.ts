import { UpdateError } from "./errors.ts";
import type { Files } from "./files.ts";
import type { Processes } from "./processes.ts";

const STATUS_FILE = "/proc/self/status";
const STATUS_LIMIT = 64 << 10;
/** CAP_NET_BIND_SERVICE. */
const LOW_PORTS = 1n << 10n;

/** Whom a process may become: ids, as the kernel counts them. */
export interface Identity {
  user: number;
  group: number;
  /** All of them, the first one included. */
  groups: readonly number[];
}

/** Looks a user up as the host does, in whatever its name service asks. Fails with `E_SERVE`; root is refused too. */
export async function findIdentity(processes: Processes, name: string): Promise<Identity> {
  const program = processes.find("id");
  if (program === undefined) throw unusable(name, "the program `id` is missing");
  const ask = async (option: "-u" | "-g" | "-G") => {
    const { exitCode, stdout } = await processes.run([program, option, "--", name], { timeoutMs: 30_000 });
    const ids = stdout.trim().split(/\s+/).map(Number);
    if (exitCode !== 0 || !ids.every(Number.isSafeInteger)) throw unusable(name, "this host has no such user");
    return ids;
  };
  const [[user = 0], [group = 0], groups] = [await ask("-u"), await ask("-g"), await ask("-G")];
  if (user === 0 || group === 0 || groups.includes(0)) throw unusable(name, "it has rights of root");
  return { user, group, groups };
}

/**
 * Makes all threads of this process `identity`, for good: the groups first, as only root may set them. Fails with `E_SERVE`
 * when root's rights are still there, or can be had again.
 */
export function dropRights({ user, group, groups }: Identity): void {
  try {
    process.setgroups?.([...groups]);
    process.setgid?.(group);
    process.setuid?.(user);
  } catch (cause) {
    throw notDropped(cause);
  }
  const ids = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  const isDropped = ids.join() === [user, user, group, group].join() && !process.getgroups?.().includes(0);
  if (!isDropped || canReturn()) throw notDropped();
}

/**
 * For a server that was not started as root: fails with `E_SERVE` where it could act as root all the same, by an id that it can
 * return to or by a capability. That of low ports is no right over files.
 */
export function requireNoRights(files: Pick<Files, "readText">): void {
  const status = files.readText(STATUS_FILE, STATUS_LIMIT) ?? "";
  const users = /^Uid:(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/) ?? [String(process.getuid?.())];
  const held = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`) & ~LOW_PORTS;
  if (!users.includes("0") && held === 0n) return;
  const what = users.includes("0") ? "it can be root again" : `it has the capabilities ${held.toString(16)}`;
  throw new UpdateError("E_SERVE", `cannot serve with rights of root: ${what}`, {
    hint: "start it as root, so that it gives them up, or as a user without any: `setpriv --reuid NAME --regid NAME --init-groups --inh-caps=-all`",
  });
}

function canReturn(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
}

function notDropped(cause?: unknown): UpdateError {
  const hint = "start the command as another user, or with CAP_SETUID and CAP_SETGID";
  return new UpdateError("E_SERVE", "the rights of root could not be given up", { hint, cause });
}

function unusable(name: string, reason: string): UpdateError {
  return new UpdateError("E_SERVE", `cannot serve as the user \`${name}\`: ${reason}`, {
    hint: "name a user without rights of its own with `--user NAME`, as made by `useradd --system --no-create-home NAME`",
  });
}
