import { basename } from "node:path";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { type Namespace, V1_TIMER_UNIT } from "../settings/namespace.ts";
import { planBotTimerRemoval } from "./bot-timer.ts";
import { offlineDisable } from "./enablement.ts";
import { fileRemoval } from "./file-changes.ts";
import { planModuleRemoval } from "./selinux/plan-module.ts";
import { betweenReloads, unitChange } from "./setup-plan.ts";
import type { TimerFacts } from "./timer-facts.ts";

/**
 * Undoes setup for good (installer-systemd §4.4, steps 1, 3 to 5 and 7): the SELinux module goes, the timer is switched
 * off, our files go, and the v1 timer is given its work back. The services' units go with their links (`planUnlink`), and
 * the namespace's directory is the caller's. Without systemd nothing but the module was ever there. Fails with `E_IO` or
 * `E_UNREADABLE_FILE` when it cannot tell whether the module is.
 */
export function planTeardown(
  files: Files,
  namespace: Namespace,
  facts: TimerFacts,
  dataDirectory = namespace.defaultDataDirectory,
): Change[] {
  const timer = basename(namespace.updaterTimer);
  const selinux = planModuleRemoval(files, namespace, dataDirectory);
  switch (facts.kind) {
    case "absent":
      return selinux;
    case "offline":
      return [...offlineDisable(files, timer), ...removals(files, namespace)];
    case "present":
      return [
        ...selinux,
        ...planBotTimerRemoval(files, namespace),
        ...unitChange(timer, facts.timer, { enabled: false, active: false }),
        ...betweenReloads(removals(files, namespace)),
        ...(facts.v1.installed ? unitChange(V1_TIMER_UNIT, facts.v1.state, { enabled: true, active: true }) : []),
      ];
  }
}

function removals(files: Files, namespace: Namespace): Change[] {
  const { updaterUnit, updaterDropIn, proxyDropIn, updaterTimer, teleportDropIn, v1DropIn, needrestart } = namespace;
  const paths = [updaterUnit, updaterDropIn, proxyDropIn, updaterTimer, teleportDropIn, v1DropIn, needrestart];
  return paths.flatMap((path) => (path === undefined ? [] : fileRemoval(files, path)));
}
