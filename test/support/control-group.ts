import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HIERARCHIES = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];

/** A control group of its own for each booted host: two in one would stop each other's services. */
export function createControlGroup(name: string): string[] {
  const groups = groupsOf(name);
  for (const group of groups) mkdirSync(group, { recursive: true });
  return groups;
}

/** Kills every process in the group and below it, waits for their end, and removes the group. */
export async function removeControlGroup(name: string): Promise<void> {
  for (const group of groupsOf(name).filter(existsSync)) {
    if (existsSync(join(group, "cgroup.kill"))) {
      writeFileSync(join(group, "cgroup.kill"), "1");
      while (/^populated 1$/m.test(readFileSync(join(group, "cgroup.events"), "utf8"))) await Bun.sleep(5);
    }
  }
  for (const group of groupsOf(name).filter(existsSync)) removeTree(group);
}

/** Undefined when the kernel can kill a whole group (5.14), otherwise what is missing. */
export function missingControlGroups(): string | undefined {
  const unified = HIERARCHIES.find((root) => existsSync(join(root, "cgroup.controllers")));
  return unified === undefined ? "no unified control group hierarchy is mounted" : undefined;
}

function groupsOf(name: string): string[] {
  return HIERARCHIES.filter((root) => existsSync(join(root, "cgroup.procs"))).map((root) => join(root, name));
}

function removeTree(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(group, entry.name));
  }
  rmdirSync(group);
}
