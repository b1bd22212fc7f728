import type { UnitState } from "../platform/change.ts";
import type { LogAttributes } from "../platform/log.ts";
import { type Namespace, V1_TIMER_UNIT } from "../settings/namespace.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** A line for the log. */
export interface Notice {
  level: "info" | "warn" | "error";
  message: string;
  attributes?: LogAttributes;
}

/** What is left to do for the agent after an install or update (updater-core §4.10). */
export function teleportNotices(unit: string, facts: ServiceFacts): Notice[] {
  switch (facts.kind) {
    case "no-systemd":
      return [
        warn("Teleport is installed, but systemd was not found on this host."),
        warn("Please configure your init system to start Teleport at boot."),
      ];
    case "not-available":
      return [
        warn("Remember to enable and start Teleport with systemctl.", { command: `systemctl enable --now ${unit}` }),
      ];
    case "failed":
      return [
        { level: "error", message: "Unable to tell the state of Teleport.", attributes: { unit, error: facts.reason } },
      ];
    case "known":
      return stateNotices("Teleport", unit, facts.state, "warn");
  }
}

/**
 * What is left to do for the bot. Silent when the bot's unit is not ours or systemd cannot say; that nobody uses the
 * bot is usual, so it is no warning (updater-core §4.10).
 */
export function tbotNotices(unit: string, facts: ServiceFacts, isManaged: boolean): Notice[] {
  if (!isManaged) return [];
  if (facts.kind === "failed") {
    return [
      { level: "error", message: "Unable to tell the state of tbot.", attributes: { unit, error: facts.reason } },
    ];
  }
  return facts.kind === "known" ? stateNotices("tbot", unit, facts.state, "info") : [];
}

/** What the user of a suffixed namespace must set by hand, so that two installations do not meet (updater-core §4.10). */
export function suffixNotices(namespace: Namespace, path: string, dataDirectory: string): Notice[] {
  if (namespace.isDefault) return [];
  const { teleport, tbot } = namespace;
  return [
    warn("Custom install suffix detected.", { suffix: namespace.suffix, path }),
    warn("The data directory must be set in the configuration file of Teleport.", {
      data_dir: dataDirectory,
      config_file: teleport.config,
      service: teleport.unit,
      pid_file: teleport.pidFile,
    }),
    warn("The data directory must be set in the configuration file of tbot.", {
      data_dir: dataDirectory,
      config_file: tbot.config,
      service: tbot.unit,
      pid_file: tbot.pidFile,
    }),
  ];
}

/** What setup says once the v1 timer is off, or would not go off (installer-systemd §4.3). */
export function v1DisabledNotices(failure: string | undefined): Notice[] {
  if (failure !== undefined) {
    return [
      {
        level: "error",
        message: "The timer of the deprecated updater cannot be disabled.",
        attributes: { error: failure },
      },
      { level: "error", message: "You must remove the package teleport-ent-updater." },
    ];
  }
  return [
    warn("The package teleport-ent-updater, a deprecated updater, is installed.", { unit: V1_TIMER_UNIT }),
    warn("Its timer is disabled now."),
    warn("Its service will not update Teleport any more."),
    warn("Please remove the package teleport-ent-updater."),
  ];
}

/** What is said of units that stay although the links of their programs go (installer-systemd §2.6). */
export function keptUnitNotices(units: readonly string[]): Notice[] {
  return units.map((path) => warn("A unit stays, as it was not made by the version that is unlinked.", { path }));
}

/**
 * What is said of the agent's unit as `link-package` wrote it. It stays, as the agent may run by it, and the scripts of a package
 * unlink and link it again for each newer one (installer-systemd §2.6).
 */
export function packageUnitNotices(path: string): Notice[] {
  const command = `rm ${path} && systemctl daemon-reload`;
  return [
    warn("The unit of the package's agent stays; where no package follows, it can be removed.", { path, command }),
  ];
}

/** What teardown says of a timer of ours that would not go off; that it went off is worth no line (installer-systemd §4.4). */
export function timerDisabledNotices(unit: string, failure: string | undefined): Notice[] {
  if (failure === undefined) return [];
  const command = `systemctl stop ${unit}`;
  return [
    warn("The timer of the updater cannot be disabled; its unit is removed all the same.", { error: failure, command }),
  ];
}

/** What teardown says once the v1 timer is on again, or would not go on (installer-systemd §4.4). */
export function v1EnabledNotices(failure: string | undefined): Notice[] {
  if (failure !== undefined) {
    return [
      {
        level: "error",
        message: "The timer of the deprecated updater cannot be enabled.",
        attributes: { error: failure },
      },
      {
        level: "error",
        message: "Teleport will not be updated unless you enable it.",
        attributes: { command: `systemctl enable --now ${V1_TIMER_UNIT}` },
      },
    ];
  }
  return [
    warn("The package teleport-ent-updater, a deprecated updater, is installed.", { unit: V1_TIMER_UNIT }),
    warn("Its timer is enabled again."),
    warn("It will update Teleport from now on."),
  ];
}

function stateNotices(name: string, unit: string, state: UnitState, whenUnused: "info" | "warn"): Notice[] {
  if (state.enabled && state.active) return [];
  if (state.active) {
    return [warn(`${name} is running, but will not start at boot.`, { unit, command: `systemctl enable ${unit}` })];
  }
  if (state.enabled) {
    return [warn(`${name} will start at boot, but is not running.`, { unit, command: `systemctl start ${unit}` })];
  }
  const message = `${name} is installed, but neither enabled nor running.`;
  return [{ level: whenUnused, message, attributes: { unit, command: `systemctl enable --now ${unit}` } }];
}

export function warn(message: string, attributes?: LogAttributes): Notice {
  return attributes === undefined ? { level: "warn", message } : { level: "warn", message, attributes };
}
