import { basename } from "node:path";
import { isBelow, linksInto } from "../host/linked.ts";
import { systemd } from "../host/systemd.ts";
import { planTeardown } from "../host/teardown-plan.ts";
import { readTimerFacts } from "../host/timer-facts.ts";
import { namesLinkedInto } from "../host/unlink.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import type { Namespace } from "../settings/namespace.ts";
import { readTeleportDefaults } from "../settings/teleport-config.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { applyTeardown } from "./apply-setup.ts";
import { decideUninstall } from "./decide-uninstall.ts";
import { enterNamespace, warnIfMissing } from "./enter.ts";
import { linkPlaces } from "./link-places.ts";
import { COMMAND_LOCK } from "./locks.ts";
import { planNamespaceRemoval } from "./plan-namespace-removal.ts";
import { planGiveBack, planRemoval, type Replacement } from "./plan-replacement.ts";
import { planTakeDown } from "./take-down.ts";
import { listPackagePrograms } from "./teleport-package.ts";
import { inTransaction, Transaction } from "./transaction.ts";

export interface UninstallRequest {
  namespace: Namespace;
  /** Go on where nothing of Teleport would be left. */
  force: boolean;
}

/**
 * Ends the management of a host (updater-core §4.7): the programs of the package come back under the running services, or
 * the managed ones go, then everything that the updater made. What fails is undone, the managed links included, until
 * the namespace's directory is removed, the lock last of all.
 */
export async function uninstall(world: World, { namespace, force }: UninstallRequest): Promise<void> {
  // The lock makes the directory.
  const wasThere = world.files.stat(namespace.directory) !== undefined;
  using lock = await enterNamespace(world, namespace, COMMAND_LOCK, "told");
  warnIfMissing(world, namespace);
  const config = mergeOverride(readUpdateConfig(world.files, namespace), NO_OVERRIDE, "none");
  const folders = linkPlaces(world.files, namespace, []);
  const programs = listPackagePrograms(world);
  const decision = decideUninstall({
    namespace,
    config,
    isLinked: folders.some((folder) => namesLinkedInto(world.files, namespace, folder).length > 0),
    hasPackage: programs.length > 0,
    isServing: await runsAnyService(world, namespace),
    force,
  });
  if (decision.action === "refuse") throw new UpdateError(decision.code, decision.reason, { hint: decision.hint });

  const facts = await readTimerFacts(world.files, systemd(world), namespace);
  if (facts.kind === "absent") world.log.warn("Systemd is not running, so there are no timers to switch.");
  const { dataDirectory } = readTeleportDefaults(world.files, namespace, world.log);
  const teardown = planTeardown(world.files, namespace, facts, dataDirectory);
  const isNothing = decision.action === "tear-down" && !wasThere && teardown.length === 0;
  if (!isNothing) world.log[decision.level](decision.reason);
  const replacement = await planReplacement(world, decision.action, namespace, config, programs);
  const stray = planStray(world, namespace, folders, replacement.changes);
  await inTransaction(world, lock, async (transaction) => {
    await transaction.apply([...stray, ...replacement.changes]);
    await blamePackage(() => transaction.apply(replacement.reloads));
    await applyTeardown(world, transaction, teardown, basename(namespace.updaterTimer));
  });
  await removeNamespace(world, namespace);
  world.log.info(isNothing ? "There was nothing to remove." : "The updater is uninstalled.");
}

/** A path that nobody set, or that was lost, is no reason to leave links and units behind that lead nowhere. */
function linkDirectoryOf({ files }: World, namespace: Namespace, { spec }: UpdateConfig): string {
  const isUsed = (folder: string) => namesLinkedInto(files, namespace, folder).length > 0;
  return spec.path || (linkPlaces(files, namespace, []).find(isUsed) ?? namespace.defaultLinkDirectory);
}

/**
 * Links into the namespace that are not in `changes`: of an earlier path, and an operator's own, under whatever name. What
 * they lead into goes, and a link that leads nowhere serves nobody.
 */
function planStray(
  world: World,
  namespace: Namespace,
  folders: readonly string[],
  changes: readonly Change[],
): Change[] {
  const outside = folders.filter((folder) => !isBelow(folder, namespace.directory));
  const changed = changes.flatMap((change) => (change.kind === "link" ? [change.path] : []));
  const links = linksInto(world.files, outside, namespace.directory).filter((link) => !changed.includes(link));
  const removals = planTakeDown(world, namespace, links);
  for (const change of removals) {
    if (change.kind !== "link") continue;
    world.log.warn("A link into this installation goes with it.", {
      path: change.path,
      target: change.before ?? undefined,
    });
  }
  return removals;
}

async function runsAnyService(world: World, { teleport, tbot }: Namespace): Promise<boolean> {
  const asked = systemd(world);
  return asked.isRunning() && ((await asked.isActive(teleport.unit)) || (await asked.isActive(tbot.unit)));
}

async function planReplacement(
  world: World,
  action: "tear-down" | "give-back" | "remove",
  namespace: Namespace,
  config: UpdateConfig,
  programs: readonly string[],
): Promise<Replacement> {
  switch (action) {
    case "tear-down":
      return { changes: [], reloads: [] };
    case "give-back":
      return await planGiveBack(world, namespace, config, programs);
    case "remove":
      return planRemoval(world, namespace, linkDirectoryOf(world, namespace, config));
  }
}

async function blamePackage(reload: () => Promise<void>): Promise<void> {
  try {
    await reload();
  } catch (failure) {
    if (!isUpdateError(failure, "E_SYSTEMD", "E_UNHEALTHY")) throw failure;
    throw new UpdateError(failure.code, `failed to start the version of the package: ${failure.message}`, {
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
      cause: failure,
    });
  }
}

/**
 * The point of no return: nothing leads into the directory any more, so neither a failure nor a signal puts it back. Where
 * it ends half-way, the next run finds nothing installed, and removes the rest.
 */
async function removeNamespace(world: World, namespace: Namespace): Promise<void> {
  const ungoverned = { ...world, signal: new AbortController().signal };
  await new Transaction(ungoverned).apply(planNamespaceRemoval(world.files, namespace));
  // Only while it is empty: since the lock is gone, somebody else may have begun here anew.
  world.files.removeDirectory(namespace.directory);
}
