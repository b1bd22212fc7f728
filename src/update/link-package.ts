import { acquireLock, type LockMode } from "../host/lock.ts";
import { systemd } from "../host/systemd.ts";
import { planTryLinks } from "../host/try-links.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { hostArchitecture } from "../release/host-architecture.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace, PACKAGE_DIRECTORY } from "../settings/namespace.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { requireClosed, requireClosedNamespace } from "./closed-places.ts";
import { CHANGE_FOR_PACKAGE_LOCK, READ_FOR_PACKAGE_LOCK, unlessBusy } from "./locks.ts";
import { provePrograms } from "./prove-programs.ts";
import { reportUnfinished } from "./recover.ts";
import { withDaemonReload } from "./services.ts";
import {
  listPackagePrograms,
  PACKAGE_BIN,
  planPackageUnit,
  requireClosedPackage,
  requirePackage,
} from "./teleport-package.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Links the programs of the package; what its script runs after each installation (updater-core §4.11). Steps aside for an
 * updater that works now, that is enabled or pinned, or whose links are there. Fails with `E_OPEN_PLACE` where others could
 * change what is run and linked, with `E_NO_PROGRAMS`, with `E_FILE_PRESENT` when something else is where a link must go,
 * and with `E_UNIT` when systemd does not see the unit.
 */
export async function linkPackage(world: World, { namespace }: { namespace: Namespace }): Promise<void> {
  if (stepsAside(world, namespace)) return;
  requirePackage(world.files);
  // Before the lock, which makes folders and a file.
  requireClosedNamespace(world, namespace, "refused");
  requireClosedPackage(world);
  requireClosed(world, [DEFAULT_LINK_DIRECTORY]);
  const isDone = await linkUnder(world, namespace, READ_FOR_PACKAGE_LOCK);
  if (!isDone) await linkUnder(world, namespace, CHANGE_FOR_PACKAGE_LOCK);
}

/**
 * Answers false, and changes nothing, when there is something to change under a lock that is shared: of two that link side
 * by side one may fail, and would undo what the other has made. The last of several to look finds nobody in its way.
 */
async function linkUnder(world: World, namespace: Namespace, mode: LockMode): Promise<boolean> {
  const isShared = mode.kind === "shared";
  using lock = await unlessBusy(world.log, acquireLock(world, namespace, mode));
  if (lock === undefined) return true;
  if (isShared) reportUnfinished(world, namespace);
  const changes = planPackage(world, namespace);
  if (changes === undefined) return true;
  if (isShared && changes.length > 0) return false;
  await provePrograms(world, PACKAGE_DIRECTORY, { architecture: hostArchitecture(world) });
  // No journal: what an earlier run left in it is not for the script of a package to undo, and a run that is killed leaves
  // links that the next one completes.
  await inTransaction(world, undefined, async (transaction) => {
    await transaction.apply(changes);
    await requireUnit(world, namespace);
  });
  world.log.info("The programs of the package are linked.", { path: DEFAULT_LINK_DIRECTORY });
  return true;
}

/** Undefined, and a line that says why, when the package is not to be linked. */
function planPackage(world: World, namespace: Namespace): Change[] | undefined {
  if (stepsAside(world, namespace)) return undefined;
  const links = planPackageLinks(world);
  return links && [...links, ...withDaemonReload(world, planPackageUnit(world.files, namespace))];
}

/** Asked before anything is refused, too: where nothing is to be linked, no package may fail to install (updater-core §4.11). */
function stepsAside({ files, log }: World, namespace: Namespace): boolean {
  const { spec } = mergeOverride(readUpdateConfig(files, namespace), NO_OVERRIDE, "none");
  if (!spec.enabled && !spec.pinned) return false;
  const reason = spec.enabled ? "Automatic updates are enabled." : "The version is pinned.";
  log.info(`${reason} The package is not linked.`);
  return true;
}

/** Undefined, and a warning, when links of another installation are in the way. */
function planPackageLinks(world: World): Change[] | undefined {
  const names = listPackagePrograms(world);
  try {
    return planTryLinks(world.files, { source: PACKAGE_BIN, names, linkDirectory: DEFAULT_LINK_DIRECTORY });
  } catch (error) {
    if (!isUpdateError(error, "E_STILL_LINKED")) throw error;
    world.log.warn("Automatic updates are disabled, but another version than the package's is linked. It stays.", {
      reason: error.message,
    });
    return undefined;
  }
}

/** A host without systemd, and one that is not running, cannot be asked; a systemd that is too old does not tell. */
async function requireUnit(world: World, { teleport }: Namespace): Promise<void> {
  const asked = systemd(world);
  if (world.files.root !== "/") return;
  if (!asked.isRunning()) {
    world.log.warn("Systemd is not running, so nothing starts Teleport by itself.", { unit: teleport.unit });
    return;
  }
  if ((await asked.isPresent(teleport.unit)) !== "absent") return;
  throw new UpdateError("E_UNIT", `missing Teleport service: systemd does not see \`${teleport.unit}\``, {
    hint: `look at \`${teleport.unitFile}\` and the SELinux settings of this host`,
  });
}
