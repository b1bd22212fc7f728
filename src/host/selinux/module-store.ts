import { join } from "node:path";
import type { Files } from "../../platform/files.ts";

/** Contract: name of the module, and of the domain's types (installer-systemd §5.4). */
export const MODULE_NAME = "teleport_ssh";

const SELINUX_CONFIG = "/etc/selinux/config";
const CONFIG_LIMIT = 1 << 16;
const STORES = "/var/lib/selinux";
/** What libselinux assumes when its configuration names none. */
const DEFAULT_POLICY = "targeted";

/**
 * Whether the host's policy holds the module, switched off or not: the same look that the agent takes
 * (installer-systemd §5.4). Fails with `E_IO` or `E_UNREADABLE_FILE` when it cannot tell.
 */
export function isModuleInstalled(files: Files): boolean {
  const config = files.readText(SELINUX_CONFIG, CONFIG_LIMIT, "mark");
  if (config === undefined) return false;
  const policy = /^\s*SELINUXTYPE\s*=\s*([\w-]+)/m.exec(config)?.[1] ?? DEFAULT_POLICY;
  // One folder a priority, and `disabled` for what is switched off.
  const modules = join(STORES, policy, "active/modules");
  return (files.list(modules) ?? []).some((folder) => files.stat(join(modules, folder, MODULE_NAME)) !== undefined);
}

/** Whether the kernel takes a policy; without, `semodule` must only write its store. */
export function kernelTakesPolicy(files: Files): boolean {
  return files.stat("/sys/fs/selinux/enforce") !== undefined;
}
