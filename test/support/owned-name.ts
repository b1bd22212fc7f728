import { readFileSync } from "node:fs";

const PREFIX = "tutest";
let count = 0;

/**
 * A name for something that outlives a killed process (a mount, a network namespace, a control group): it says which
 * process owns it, so that a later run can tell what was left behind. Fits a host name.
 */
export function ownedName(): string {
  count += 1;
  return `${PREFIX}-${process.pid}-${startTime(process.pid)}-${count}`;
}

/** True when `name` was made by `ownedName` in a process that is gone. */
export function isLeftBehind(name: string): boolean {
  const [prefix, pid, started] = name.split("-");
  return prefix === PREFIX && pid !== undefined && startTime(Number(pid)) !== started;
}

/** Clock ticks from the machine's boot: with it, a pid that was given out again is not mistaken for its former holder. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Fields are counted from the end of the name, which may hold spaces.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
