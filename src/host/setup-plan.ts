import { basename, dirname } from "node:path";
import type { Change, UnitState } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { V1_TIMER_UNIT } from "../settings/namespace.ts";
import { planBotTimer } from "./bot-timer.ts";
import { whyLeftAlone } from "./data-directory.ts";
import { offlineDisable, offlineEnable } from "./enablement.ts";
import { directoryChanges, fileChanges, withoutRepeats } from "./file-changes.ts";
import { botDirectory, tbotUnit, teleportUnit } from "./service-units.ts";
import type { TimerFacts } from "./timer-facts.ts";
import {
  needrestartConfig,
  teleportDropIn,
  type UnitInputs,
  updaterTimer,
  updaterUnit,
  v1DropIn,
} from "./unit-files.ts";

export interface SetupInputs extends UnitInputs {
  dataDirectory: string;
  /** Write the bot's unit too: false when the bot's unit is somebody else's (installer-systemd §3.8). */
  manageTbot: boolean;
  /** What is to be done about the SELinux module, from `planModule`. */
  selinux: readonly Change[];
  systemd: TimerFacts;
}

const PRIVATE_MODE = 0o700;
const RUNNING: UnitState = { enabled: true, active: true };
const OFF: UnitState = { enabled: false, active: false };

/**
 * Everything that setup writes and switches, in the order of installer-systemd §3.10. What is right already needs no
 * change, so a second plan over the same host is empty. Without systemd only the services' units are written. Fails
 * with `E_UNIT`, `E_IRREGULAR_FILE` or `E_UNREADABLE_FILE`, naming the path.
 */
export function planSetup(files: Files, inputs: SetupInputs): Change[] {
  const services = [...planServiceUnits(files, inputs), ...inputs.selinux];
  const botTimer = inputs.manageTbot ? planBotTimer(files, inputs.namespace, inputs.systemd) : [];
  switch (inputs.systemd.kind) {
    case "absent":
      return withoutRepeats(services);
    case "offline":
      return withoutRepeats([
        ...services,
        ...planUpdaterUnits(files, inputs),
        ...planNeedrestart(files, inputs),
        ...offlineEnable(files, inputs.namespace.updaterTimer, inputs.namespace.teleport.unit),
        ...botTimer,
        ...(inputs.namespace.isDefault ? offlineDisable(files, V1_TIMER_UNIT) : []),
      ]);
    case "present":
      return withoutRepeats([
        ...betweenReloads([...services, ...planUpdaterUnits(files, inputs), ...botTimer]),
        ...planNeedrestart(files, inputs),
        ...unitChange(basename(inputs.namespace.updaterTimer), inputs.systemd.timer, RUNNING),
        ...(inputs.namespace.isDefault ? unitChange(V1_TIMER_UNIT, inputs.systemd.v1.state, OFF) : []),
      ]);
  }
}

/** `changes` read in by systemd after the last one, and again once the first one is undone, if any is of a file or link. */
export function betweenReloads(changes: readonly Change[]): Change[] {
  if (!changes.some(({ kind }) => kind === "file" || kind === "link")) return [...changes];
  return [{ kind: "daemon-reload", when: "undo" }, ...changes, { kind: "daemon-reload", when: "do" }];
}

/** The change that brings a unit from one state to another; none when it is there. */
export function unitChange(unit: string, before: UnitState, after: UnitState): Change[] {
  if (before.enabled === after.enabled && before.active === after.active) return [];
  return [{ kind: "unit", unit, before, after }];
}

function planServiceUnits(files: Files, inputs: SetupInputs): Change[] {
  const { namespace, dataDirectory } = inputs;
  const teleport = fileChanges(files, namespace.teleport.unitFile, teleportUnit(inputs));
  if (!inputs.manageTbot) return teleport;
  return [
    ...teleport,
    ...planBotDirectory(files, dataDirectory),
    ...fileChanges(files, namespace.tbot.unitFile, tbotUnit(inputs)),
  ];
}

/** An agent without root owns its data directory, and may plant a link there: whatever lies there is left as it is. */
function planBotDirectory(files: Files, dataDirectory: string): Change[] {
  const path = botDirectory(dataDirectory);
  if (whyLeftAlone(files, dataDirectory) !== undefined) return [];
  if (files.stat(path) !== undefined) return [];
  return [...directoryChanges(files, dataDirectory, PRIVATE_MODE), { kind: "directory", path, mode: PRIVATE_MODE }];
}

function planUpdaterUnits(files: Files, inputs: SetupInputs): Change[] {
  const { namespace } = inputs;
  return [
    ...fileChanges(files, namespace.updaterUnit, updaterUnit(inputs)),
    ...fileChanges(files, namespace.updaterTimer, updaterTimer(inputs)),
    ...fileChanges(files, namespace.teleportDropIn, teleportDropIn(inputs)),
    ...(namespace.v1DropIn === undefined ? [] : fileChanges(files, namespace.v1DropIn, v1DropIn(inputs))),
  ];
}

/** A convenience: written where needrestart is, and left alone where somebody made something else of the file. */
function planNeedrestart(files: Files, { namespace, manageTbot }: SetupInputs): Change[] {
  const path = namespace.needrestart;
  const hasNeedrestart = files.statFollowed(dirname(path))?.kind === "directory";
  const kind = files.stat(path)?.kind;
  if (!hasNeedrestart || (kind !== undefined && kind !== "file")) return [];
  const units = [namespace.teleport.unit, ...(manageTbot ? [namespace.tbot.unit] : [])];
  return fileChanges(files, path, needrestartConfig(units));
}
