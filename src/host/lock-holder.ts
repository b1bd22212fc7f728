import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

/**
 * Who holds the flock on the file at `at` (a path of the running kernel), as `pid 123 (teleport-update update)`, for a
 * message. Undefined when it cannot be told. The list in `/proc/locks` would name the short-lived program that called
 * flock(2); what counts is who still has the locked description open, which `fdinfo` shows.
 */
export function lockHolder(at: string): string | undefined {
  const resolved = unlessGone(() => realpathSync(at));
  const others = numbersIn("/proc").filter((pid) => Number(pid) !== process.pid);
  const holder = others.find((pid) => resolved !== undefined && holdsLock(join("/proc", pid), resolved));
  return holder === undefined ? undefined : `pid ${holder}${commandLine(holder)}`;
}

function holdsLock(folder: string, resolved: string): boolean {
  return numbersIn(join(folder, "fd")).some(
    (descriptor) =>
      unlessGone(() => readlinkSync(join(folder, "fd", descriptor))) === resolved &&
      unlessGone(() => readFileSync(join(folder, "fdinfo", descriptor), "utf8"))?.includes("FLOCK") === true,
  );
}

function commandLine(pid: string): string {
  const words = unlessGone(() => readFileSync(join("/proc", pid, "cmdline"), "utf8")) ?? "";
  const line = words
    .split("\0")
    .join(" ")
    .trim()
    .replace(/\p{Cc}/gu, "?");
  return line === "" ? "" : ` (${line.slice(0, 200)})`;
}

/** The numbered entries of a folder of /proc. */
function numbersIn(folder: string): string[] {
  return unlessGone(() => readdirSync(folder))?.filter((name) => /^\d+$/.test(name)) ?? [];
}

/** Processes and their files come and go while we look, and not all may be looked at. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
