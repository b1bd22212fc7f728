import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { fileChanges, fileRemoval } from "./file-changes.ts";
import { betweenReloads } from "./setup-plan.ts";
import type { TimerFacts } from "./timer-facts.ts";
import { proxyDropIn, type UnitInputs, updaterDropIn } from "./unit-files.ts";

/**
 * The drop-in that unsets variables for the updater's unit, for one that another updater's setup wrote and that starts
 * ours. What is right already needs no change. Fails as `fileImage` does.
 */
export function planUpdaterDropIn(files: Files, inputs: UnitInputs & { systemd: TimerFacts }): Change[] {
  return readIn(inputs.systemd, () => fileChanges(files, inputs.namespace.updaterDropIn, updaterDropIn(inputs)));
}

/** Removes it where the unit says the same itself, or starts an updater that is not ours. Fails as `fileImage` does. */
export function planUpdaterDropInRemoval(files: Files, { updaterDropIn }: Namespace, systemd: TimerFacts): Change[] {
  return readIn(systemd, () => fileRemoval(files, updaterDropIn));
}

/** The drop-in that gives the updater's unit what `proxy.env` holds, whoever wrote the unit. Fails as `fileImage` does. */
export function planProxyDropIn(files: Files, inputs: UnitInputs & { systemd: TimerFacts }): Change[] {
  return readIn(inputs.systemd, () => fileChanges(files, inputs.namespace.proxyDropIn, proxyDropIn(inputs)));
}

/** Removes it where nothing is kept. Fails as `fileImage` does. */
export function planProxyDropInRemoval(files: Files, { proxyDropIn }: Namespace, systemd: TimerFacts): Change[] {
  return readIn(systemd, () => fileRemoval(files, proxyDropIn));
}

/** Without systemd there is no such unit. */
function readIn(systemd: TimerFacts, plan: () => Change[]): Change[] {
  switch (systemd.kind) {
    case "absent":
      return [];
    case "offline":
      return plan();
    case "present":
      return betweenReloads(plan());
  }
}
