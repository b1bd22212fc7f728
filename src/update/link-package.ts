import { acquireLock } from "../host/lock.ts";
import { systemd } from "../host/systemd.ts";
import { planTryLinks } from "../host/try-links.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { hostArchitecture } from "../release/host-architecture.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace, PACKAGE_DIRECTORY } from "../settings/namespace.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { LINK_PACKAGE_LOCK, unlessBusy } from "./locks.ts";
import { provePrograms } from "./prove-programs.ts";
import { reportUnfinished } from "./recover.ts";
import { withDaemonReload } from "./services.ts";
import { listPackagePrograms, PACKAGE_BIN, planPackageUnit } from "./teleport-package.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Links the programs of the package; what its script runs after each installation (updater-core §4.11). Steps aside for an
 * updater that works now, that is enabled or pinned, or whose links are there. Fails with `E_NO_PROGRAMS`, with
 * `E_FILE_PRESENT` when something else is where a link must go, and with `E_UNIT` when systemd does not see the unit.
 */
export async function linkPackage(world: World, { namespace }: { namespace: Namespace }): Promise<void> {
  using lock = await unlessBusy(world.log, acquireLock(world, namespace, LINK_PACKAGE_LOCK));
  if (lock === undefined) return;
  reportUnfinished(world, namespace);
  const { spec } = mergeOverride(readUpdateConfig(world.files, namespace), NO_OVERRIDE, "none");
  if (spec.enabled || spec.pinned) {
    const reason = spec.enabled ? "Automatic updates are enabled." : "The version is pinned.";
    world.log.info(`${reason} The package is not linked.`);
    return;
  }
  const links = await planPackageLinks(world);
  if (links === undefined) return;
  const unit = withDaemonReload(world, planPackageUnit(world.files, namespace));
  // A shared lock is none to write a journal under; a run that is killed leaves links that the next one completes.
  await inTransaction(world, undefined, async (transaction) => {
    await transaction.apply([...links, ...unit]);
    await requireUnit(world, namespace);
  });
  world.log.info("The programs of the package are linked.", { path: DEFAULT_LINK_DIRECTORY });
}

/** Undefined, and a warning, when links of another installation are in the way. */
async function planPackageLinks(world: World): Promise<Change[] | undefined> {
  const names = listPackagePrograms(world);
  try {
    const links = planTryLinks(world.files, { source: PACKAGE_BIN, names, linkDirectory: DEFAULT_LINK_DIRECTORY });
    await provePrograms(world, PACKAGE_DIRECTORY, { architecture: hostArchitecture(world) });
    return links;
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
