import { basename, dirname, join } from "node:path";
import { planBotTimer } from "../host/bot-timer.ts";
import { botDirectoryNotices } from "../host/data-directory.ts";
import { planExampleUnit } from "../host/example-unit.ts";
import { directoryChanges } from "../host/file-changes.ts";
import { planModule } from "../host/selinux/plan-module.ts";
import { captureImages, setupFootprint } from "../host/setup-footprint.ts";
import { betweenReloads, planSetup } from "../host/setup-plan.ts";
import type { TimerFacts } from "../host/timer-facts.ts";
import { planUpdaterDropIn, planUpdaterDropInRemoval } from "../host/updater-drop-in.ts";
import type { Change, ReloadChange, SetupChange } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, UPDATER_NAME, V1_TIMER_UNIT, versionDirectory } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";
import { tell } from "./apply-setup.ts";

export interface SetupStep {
  namespace: Namespace;
  /** The revision whose units are written. */
  revision: Revision;
  /** The link directory. */
  path: string;
  dataDirectory: string;
  manageTbot: boolean;
  systemd: TimerFacts;
}

export interface SetupChoice {
  selinuxSsh: boolean;
  /** Write the units from our own templates even when the release has an updater of its own. */
  selfSetup: boolean;
  /** The release's updater is the one that stays. */
  handOver: boolean;
  /** The services that the release's updater is to reload, as it takes over; empty when reloading is ours. */
  reloads: ReloadChange[];
  debug: boolean;
  logFormat: string;
}

/** A release as it lies now: not in its place yet when it was just staged. */
interface ReleaseFolder {
  directory: string;
  programs: readonly string[];
}

/**
 * The changes of the setup step. A release knows its own units, so its own updater writes them through the frozen
 * contract (updater-core §4.1, installer-systemd §4.10) when it has one that knows `setup`; else our templates do, and
 * always under `--root`, where nothing of the root is run.
 */
export async function planSetupStep(
  world: World,
  step: SetupStep,
  choice: SetupChoice,
  release: ReleaseFolder,
): Promise<Change[]> {
  const isOurs = choice.selfSetup || world.files.root !== "/" || !release.programs.includes(UPDATER_NAME);
  if (isOurs) return planOwnUnits(world, step, choice);
  const updater = join(release.directory, "bin", UPDATER_NAME);
  if (!(await knowsSetup(world, updater))) {
    world.log.info("The release's updater does not know the setup step, writing the units from our own templates.", {
      program: updater,
    });
    return planOwnUnits(world, step, choice);
  }
  const example = planExampleUnit(world.files, release.directory, step);
  // Without systemd that setup writes the units of the services alone, and nobody is there to read them.
  if (step.systemd.kind !== "present") return [...example, foreignSetup(world, step, choice)];
  return [
    ...betweenReloads(example),
    ...planDropInFolders(world.files, step.namespace),
    foreignSetup(world, step, choice),
    // The contract's setup has the agent alone want the timer.
    ...betweenReloads(step.manageTbot ? planBotTimer(world.files, step.namespace, step.systemd) : []),
    ...(choice.handOver
      ? planUpdaterDropInRemoval(world.files, step.namespace, step.systemd)
      : planUpdaterDropIn(world.files, step)),
  ];
}

function planOwnUnits(world: World, step: SetupStep, { selinuxSsh }: SetupChoice): Change[] {
  return [
    ...planOwnSetup(world, step, selinuxSsh),
    ...planUpdaterDropInRemoval(world.files, step.namespace, step.systemd),
  ];
}

/** The setup step from our own templates, with the SELinux module; what is worth saying about that is logged. */
export function planOwnSetup(world: World, step: SetupStep, selinuxSsh: boolean): Change[] {
  const selinux = planModule(world.files, step.namespace, step.dataDirectory, selinuxSsh);
  tell(world.log, selinux.notices);
  if (step.manageTbot) tell(world.log, botDirectoryNotices(world.files, step.dataDirectory));
  return planSetup(world.files, { ...step, selinux: selinux.changes });
}

/** Made by us, as images know files only: what an interrupted setup left would keep these folders. */
function planDropInFolders(files: Files, { teleportDropIn, v1DropIn }: Namespace): Change[] {
  const dropIns = v1DropIn === undefined ? [teleportDropIn] : [teleportDropIn, v1DropIn];
  return dropIns.flatMap((path) => directoryChanges(files, dirname(path)));
}

async function knowsSetup(world: World, updater: string): Promise<boolean> {
  const { exitCode } = await world.processes.run([updater, "setup", "--help"], {
    timeoutMs: 10_000,
    signal: world.signal,
  });
  return exitCode === 0;
}

/** The contract's child, with images of all that it may write. Its arguments are frozen: older releases must obey them too. */
function foreignSetup(world: World, step: SetupStep, choice: SetupChoice): SetupChange {
  const { namespace, revision, path, systemd } = step;
  return {
    kind: "setup",
    program: join(versionDirectory(namespace, revision), "bin", UPDATER_NAME),
    arguments: [
      "--install-dir",
      namespace.installDirectory,
      "--install-suffix",
      namespace.suffix,
      "--log-format",
      choice.logFormat,
      ...(choice.debug ? ["--debug"] : []),
      "setup",
      "--path",
      path,
      // Reload and health are ours, unless the release's updater is the one that stays.
      ...(choice.reloads.length > 0 ? ["--reload"] : []),
    ],
    environment: {
      TELEPORT_UPDATE_SETUP_VERSION: revision.version,
      TELEPORT_UPDATE_SETUP_FLAGS: revision.flags.join("\n"),
      TELEPORT_UPDATE_SELINUX_SSH: String(choice.selinuxSsh),
      TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
      TELEPORT_UPDATE_SETUP_TBOT: String(step.manageTbot),
    },
    before: captureImages(world.files, setupFootprint(world.files, namespace)),
    units: systemd.kind === "present" ? timerStates(namespace, systemd) : [],
    reloads: choice.reloads,
  };
}

function timerStates(namespace: Namespace, facts: Extract<TimerFacts, { kind: "present" }>): SetupChange["units"] {
  const timer = { unit: basename(namespace.updaterTimer), before: facts.timer };
  return namespace.isDefault ? [timer, { unit: V1_TIMER_UNIT, before: facts.v1.state }] : [timer];
}
