import { join } from "node:path";
import { planLinks } from "../host/links.ts";
import type { Lock } from "../host/lock.ts";
import { systemd } from "../host/systemd.ts";
import { decideTbot } from "../host/tbot.ts";
import { readTimerFacts } from "../host/timer-facts.ts";
import { editNotices, findEditedUnits, planKeptCopies, planNeedlessCopies } from "../host/unit-edits.ts";
import { planUnitRecord } from "../host/unit-record.ts";
import { linkRemoval, namesLinkedInto } from "../host/unlink.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, PACKAGE_DIRECTORY, UPDATER_NAME, versionDirectory } from "../settings/namespace.ts";
import { formatRevision, type Revision } from "../settings/revision.ts";
import type { LastUpdate, UpdateConfig } from "../settings/update-config.ts";
import { applySetup, tell } from "./apply-setup.ts";
import { planAfterwards, removeOldBackup, tidy } from "./clean-up.ts";
import type { OwnUpdater } from "./own-updater.ts";
import { planConfig } from "./plan-config.ts";
import { planOptions } from "./plan-options.ts";
import { provePrograms } from "./prove-programs.ts";
import { serviceReloads } from "./services.ts";
import { planSetupStep } from "./setup-step.ts";
import { SIGNAL_GRACE_MS } from "./signal-grace.ts";
import { stageActivation } from "./stage-activation.ts";
import { inTransaction } from "./transaction.ts";

/** One host moving to one revision. */
export interface Activation {
  namespace: Namespace;
  /** As it must read while services are restarted: settings merged, `id_file` set, the old status (updater-core §3.5). */
  config: UpdateConfig;
  target: Revision;
  baseUrl: string;
  dataDirectory: string;
  /** The target is active already: links and units are written again, nothing is reloaded (updater-core §4.3 step 7a). */
  isRepair: boolean;
  /** What `last_update` says about this run; undefined when the run leaves it as it is. */
  attempt: LastUpdate | undefined;
  overwrite: boolean;
  /** Kept for later runs; empty leaves what is kept. */
  caFile: string;
  selfSetup: boolean;
  handOver: boolean;
  debug: boolean;
  logFormat: string;
}

/**
 * Brings a host to a revision (updater-core §4.3): obtain and prove the release, plan everything by looking only, then
 * make the changes in one transaction, the updater's own link last. Nothing outside staging is touched before all that
 * can be known to fail was tried, and what fails later is undone.
 */
export async function activate(world: World, lock: Lock, requested: Activation): Promise<Activated> {
  const job = { ...requested, config: await removeOldBackup(world, requested) };
  await using staged = await stageActivation(world, job);
  const programs = await provePrograms(world, join(staged.release.directory, "bin"));
  const tbot = decideTbot(world.files, job.namespace, job.overwrite);
  tell(world.log, tbot.notices);
  const links = planProgramLinks(world, job, programs, staged.updater);
  warnOfOtherNamespace(world, job.namespace, links);
  const setup = await planSetup(world, job, tbot.isManaged, { directory: staged.release.directory, programs });
  const edits = findEditedUnits(world.files, job.namespace, {
    manageTbot: tbot.isManaged,
    linkDirectory: job.config.spec.path,
    now: world.clock.now(),
  });
  const options = planOptions(world.files, job.namespace, job.caFile);
  const finished = finishedConfig(job);

  await inTransaction(world, lock, async (transaction) => {
    await transaction.apply(planConfig(world.files, job.namespace, job.config));
    await transaction.apply(options);
    await transaction.apply(staged.release.changes);
    await transaction.apply(staged.updater?.changes ?? []);
    await transaction.apply(links);
    await transaction.apply(planKeptCopies(edits));
    await blameRelease(world, job.target, () => applySetup(world, transaction, setup));
    await transaction.apply(planNeedlessCopies(world.files, edits));
    await transaction.apply(planUnitRecord(world.files, job.namespace, job.target, tbot.isManaged));
    await transaction.apply(planConfig(world.files, job.namespace, finished));
  });
  tell(world.log, await editNotices(world.files, edits));
  await tidy(world, () => planAfterwards(world, job, staged.updater?.target));
  return { config: finished, manageTbot: tbot.isManaged };
}

/** What came of it. */
export interface Activated {
  /** As it was written. */
  config: UpdateConfig;
  manageTbot: boolean;
}

/** From here on it is the release that fails, not the network or the disk: an update marks it, so that the timer skips it. */
async function blameRelease({ clock, signal }: World, target: Revision, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (failure) {
    if (!isUpdateError(failure, "E_SETUP", "E_SYSTEMD", "E_UNHEALTHY")) throw failure;
    // Rejects when it was our own end that made the program fail.
    await clock.sleep(SIGNAL_GRACE_MS, signal);
    throw new UpdateError("E_BROKEN_RELEASE", `the new version ${formatRevision(target)} failed: ${failure.message}`, {
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
      cause: failure,
    });
  }
}

function planProgramLinks(
  world: World,
  job: Activation,
  programs: readonly string[],
  updater: OwnUpdater | undefined,
): Change[] {
  if (job.handOver && !programs.includes(UPDATER_NAME)) {
    throw new UpdateError("E_NO_PROGRAMS", `the release ${formatRevision(job.target)} has no updater to hand over to`, {
      hint: "run the command again without `--hand-over`",
    });
  }
  const { namespace, config } = job;
  const links = planLinks(world.files, {
    source: join(versionDirectory(namespace, job.target), "bin"),
    names: programs,
    linkDirectory: config.spec.path,
    overwrite: job.overwrite,
    updaterTarget: updater?.target,
    asideSuffix: crypto.randomUUID().slice(0, 8),
  });
  return [...planDropped(world, job, programs), ...links];
}

/** A link that the target has no program for would lead into an old version for ever, and services must not lose theirs. */
function planDropped(world: World, { namespace, config, target }: Activation, programs: readonly string[]): Change[] {
  const linked = namesLinkedInto(world.files, namespace, config.spec.path);
  const dropped = linked.filter((name) => name !== UPDATER_NAME && !programs.includes(name));
  const needed = dropped.find((name) => name === "teleport" || name === "tbot");
  if (needed !== undefined) {
    throw new UpdateError(
      "E_NO_PROGRAMS",
      `the release ${formatRevision(target)} lacks \`${needed}\`, which is linked now`,
      {
        hint: "the release is not whole: check the mirror that it comes from",
      },
    );
  }
  return dropped.flatMap((name) => linkRemoval(world.files, join(config.spec.path, name)));
}

/** One link directory for two namespaces takes the programs of the first one away; it may be meant, but not by many. */
function warnOfOtherNamespace(
  { log }: World,
  { installDirectory, directory }: Namespace,
  links: readonly Change[],
): void {
  const isElsewhere = (target: string) =>
    target.startsWith(`${installDirectory}/`) &&
    !target.startsWith(`${directory}/`) &&
    !target.startsWith(PACKAGE_DIRECTORY);
  for (const link of links) {
    if (link.kind !== "link" || link.before === null || !isElsewhere(link.before)) continue;
    log.warn("A link of another installation is taken over; give each suffix its own `--path`.", {
      path: link.path,
      was: link.before,
    });
  }
}

async function planSetup(
  world: World,
  job: Activation,
  manageTbot: boolean,
  release: { directory: string; programs: readonly string[] },
): Promise<Change[]> {
  const { namespace, config, target, dataDirectory } = job;
  const facts = await readTimerFacts(world.files, systemd(world), namespace);
  const step = { namespace, revision: target, path: config.spec.path, dataDirectory, manageTbot, systemd: facts };
  const isReloading = facts.kind === "present" && !job.isRepair;
  const reloads = isReloading ? await serviceReloads(world, namespace, dataDirectory, manageTbot) : [];
  const choice = { ...job, selinuxSsh: config.spec.selinuxSsh, reloads: job.handOver ? reloads : [] };
  const setup = await planSetupStep(world, step, choice, release);
  const reloadsItself = job.handOver && setup.some(({ kind }) => kind === "setup");
  return reloadsItself ? setup : [...setup, ...reloads];
}

/** What `update.yaml` says once the target runs: it is active, and what was active is the backup (updater-core §4.3 step 7). */
function finishedConfig({ config, target, isRepair, attempt }: Activation): UpdateConfig {
  const { active, backup } = config.status;
  if (isRepair) return config;
  const lastUpdate = attempt === undefined ? config.status.lastUpdate : { ...attempt, success: true };
  const newBackup = active.version === "" ? backup : active;
  return { ...config, status: { ...config.status, lastUpdate, active: target, backup: newBackup } };
}
