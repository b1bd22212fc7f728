import { basename, join } from "node:path";
import { planExampleUnit } from "../host/example-unit.ts";
import { captureImages, setupFootprint } from "../host/setup-footprint.ts";
import { betweenReloads, planSetup } from "../host/setup-plan.ts";
import type { TimerFacts } from "../host/timer-facts.ts";
import type { Change, SetupChange } from "../platform/change.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, UPDATER_NAME, V1_TIMER_UNIT, versionDirectory } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";

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
  /** The release's updater takes over, so it reloads the services too. */
  handOver: boolean;
  reload: boolean;
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
  if (isOurs) return planSetup(world.files, step);
  const updater = join(release.directory, "bin", UPDATER_NAME);
  if (!(await knowsSetup(world, updater))) {
    world.log.info("The release's updater does not know the setup step, writing the units from our own templates.", {
      program: updater,
    });
    return planSetup(world.files, step);
  }
  return [...betweenReloads(planExampleUnit(world.files, release.directory, step)), foreignSetup(world, step, choice)];
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
      ...(choice.handOver && choice.reload ? ["--reload"] : []),
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
  };
}

function timerStates(namespace: Namespace, facts: Extract<TimerFacts, { kind: "present" }>): SetupChange["units"] {
  const timer = { unit: basename(namespace.updaterTimer), before: facts.timer };
  return namespace.isDefault ? [timer, { unit: V1_TIMER_UNIT, before: facts.v1.state }] : [timer];
}
