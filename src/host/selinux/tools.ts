import { UpdateError } from "../../platform/errors.ts";
import type { World } from "../../platform/world.ts";

/** Contract: the rules for building a module, which come with the headers of the host's policy (installer-systemd §5.4). */
export const BUILD_RULES = "/usr/share/selinux/devel/Makefile";

/** What changes the host's policy, by absolute paths. */
export interface PolicyTools {
  semodule: string;
  restorecon: string;
}

/** What builds a module too. */
export interface BuildTools extends PolicyTools {
  make: string;
}

type Host = Pick<World, "files" | "processes" | "log">;

/** Looks for all of them, and logs each that is missing with its package. Fails with `E_PROCESS` when one is. */
export function findBuildTools(host: Host): BuildTools {
  const hasRules = host.files.statFollowed(BUILD_RULES)?.kind === "file";
  const make = findProgram(host, "make", "make");
  if (!hasRules) logMissing(host, BUILD_RULES, "selinux-policy-devel (selinux-policy-dev on Debian)");
  const tools = findPolicyTools(host);
  if (!hasRules || make === undefined) throw missingTools();
  return { ...tools, make };
}

/** As `findBuildTools`, of what is needed to remove a module. */
export function findPolicyTools(host: Host): PolicyTools {
  const semodule = findProgram(host, "semodule", "policycoreutils");
  const restorecon = findProgram(host, "restorecon", "policycoreutils");
  if (semodule === undefined || restorecon === undefined) throw missingTools();
  return { semodule, restorecon };
}

function findProgram(host: Host, name: string, fromPackage: string): string | undefined {
  const path = host.processes.find(name);
  if (path === undefined) logMissing(host, name, fromPackage);
  return path;
}

function logMissing({ log }: Host, missing: string, fromPackage: string): void {
  log.error("Something that the SELinux module needs is missing, install its package.", {
    missing,
    package: fromPackage,
  });
}

function missingTools(): UpdateError {
  return new UpdateError("E_PROCESS", "something that it needs is missing");
}
