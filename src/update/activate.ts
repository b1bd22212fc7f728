import type { Lock } from "../host/lock.ts";
import { systemd } from "../host/systemd.ts";
import { decideTbot } from "../host/tbot.ts";
import { readTimerFacts, type TimerFacts } from "../host/timer-facts.ts";
import { editNotices, findEditedUnits, planKeptCopies, planNeedlessCopies } from "../host/unit-edits.ts";
import { planUnitRecord } from "../host/unit-record.ts";
import type { Change } from "../platform/change.ts";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { GivenOptions } from "../settings/options.ts";
import type { Revision } from "../settings/revision.ts";
import type { LastUpdate, UpdateConfig } from "../settings/update-config.ts";
import { applySetup, tell } from "./apply-setup.ts";
import { blameRelease } from "./blame-release.ts";
import { planAfterwards, tidy } from "./clean-up.ts";
import { planFormerLinks } from "./former-links.ts";
import { type GivenProxies, planGivenProxies } from "./keep-proxies.ts";
import { linkPlacesOfRun } from "./link-places.ts";
import { planConfig } from "./plan-config.ts";
import { planOptions } from "./plan-options.ts";
import { planProgramLinks, warnOfOtherNamespace } from "./program-links.ts";
import { provePrograms } from "./prove-programs.ts";
import { serviceReloads } from "./services.ts";
import { planSetupStep } from "./setup-step.ts";
import { stageActivation } from "./stage-activation.ts";
import { inTransaction } from "./transaction.ts";
import type { WantedRelease } from "./wanted-release.ts";

/** One host moving to one revision. */
export interface Activation {
  namespace: Namespace;
  /** As it must read while services are restarted: settings merged, `id_file` set, the old status (updater-core §3.5). */
  config: UpdateConfig;
  target: Revision;
  release: WantedRelease;
  /** Of the host. */
  architecture: Architecture;
  /** The program of this machine that stays as the host's updater; empty for the running one. */
  updater: string;
  dataDirectory: string;
  /** The target is active already: links and units are written again, nothing is reloaded (updater-core §4.3 step 7a). */
  isRepair: boolean;
  /** What `last_update` says about this run; undefined when the run leaves it as it is. */
  attempt: LastUpdate | undefined;
  overwrite: boolean;
  /** Kept for later runs; what is absent stays as it is kept. */
  options: GivenOptions;
  /** For the timer; undefined leaves what is kept as it is. */
  givenProxies: GivenProxies;
  selfSetup: boolean;
  handOver: boolean;
  /** Called as soon as the host has moved, with what the release was accepted by; what follows only tidies up. */
  onMoved: (proof: string) => void;
  debug: boolean;
  logFormat: string;
}

/**
 * Brings a host to a revision (updater-core §4.3): obtain and prove the release, plan everything by looking only, then
 * make the changes in one transaction, the updater's own link last. Nothing outside staging is touched before all that
 * can be known to fail was tried, and what fails later is undone.
 */
export async function activate(world: World, lock: Lock, requested: Activation): Promise<Activated> {
  const linkFolders = linkPlacesOfRun(world.files, requested.namespace, requested.config);
  await using staged = await stageActivation(world, requested, linkFolders);
  const job = { ...requested, config: staged.config, linkFolders };
  const expected = { architecture: job.architecture, version: job.target.version };
  const programs = await provePrograms(world, staged.release.directory, expected);
  const tbot = decideTbot(world.files, job.namespace, job.overwrite);
  tell(world.log, tbot.notices);
  const links = planProgramLinks(world, job, programs, staged.updater);
  warnOfOtherNamespace(world, job.namespace, links);
  const former = planFormerLinks(world, job.namespace, job.config.spec.path);
  const facts = await readTimerFacts(world.files, systemd(world), job.namespace);
  const setup = await planSetup(world, job, facts, tbot.isManaged, { directory: staged.release.directory, programs });
  const edits = findEditedUnits(world.files, job.namespace, {
    manageTbot: tbot.isManaged,
    linkDirectory: job.config.spec.path,
    now: world.clock.now(),
  });
  const options = planOptions(world.files, job.namespace, job.options);
  const units = { namespace: job.namespace, revision: job.target, path: job.config.spec.path, systemd: facts };
  const proxies = planGivenProxies(world.files, units, job.givenProxies, job.handOver);
  const finished = finishedConfig(job);

  const placed = [options, proxies, staged.release.changes, staged.updater?.changes ?? [], links];
  await inTransaction(world, lock, async (transaction) => {
    const config = planConfig(world.files, job.namespace, job.config);
    transaction.prepare([config, ...placed, setup, former].flat());
    for (const changes of [config, ...placed]) await transaction.apply(changes);
    await transaction.apply(planKeptCopies(edits));
    await blameRelease(world, job.target, () => applySetup(world, transaction, setup));
    // Until here the units, and with them the timer, may have run what lies in the old path.
    await transaction.apply(former);
    await transaction.apply(planNeedlessCopies(world.files, edits));
    await transaction.apply(planUnitRecord(world.files, job.namespace, job.target, tbot.isManaged));
    await transaction.apply(planConfig(world.files, job.namespace, finished));
  });
  job.onMoved(staged.release.proof);
  tell(world.log, await editNotices(world.files, edits));
  await tidy(world, () => planAfterwards(world, job));
  return { config: finished, manageTbot: tbot.isManaged };
}

/** What came of it. */
export interface Activated {
  /** As it was written. */
  config: UpdateConfig;
  manageTbot: boolean;
}

async function planSetup(
  world: World,
  job: Activation,
  facts: TimerFacts,
  manageTbot: boolean,
  release: { directory: string; programs: readonly string[] },
): Promise<Change[]> {
  const { namespace, config, target, dataDirectory } = job;
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
