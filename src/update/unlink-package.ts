import { keptUnitNotices, packageUnitNotices } from "../host/notices.ts";
import { planUnlink } from "../host/unlink.ts";
import type { World } from "../platform/world.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace } from "../settings/namespace.ts";
import { tell } from "./apply-setup.ts";
import { enterNamespace } from "./enter.ts";
import { CHANGE_FOR_PACKAGE_LOCK, unlessBusy } from "./locks.ts";
import { withDaemonReload } from "./services.ts";
import { hasPackageUnit, PACKAGE_BIN, requirePackage } from "./teleport-package.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Removes the links into the package; what its script runs before it goes (updater-core §4.11). Links of managed versions
 * stay, and so does the agent's unit, which may be running. Steps aside for an updater that works now. Fails with
 * `E_NO_PROGRAMS` when there is no package.
 */
export async function unlinkPackage(world: World, { namespace }: { namespace: Namespace }): Promise<void> {
  using lock = await unlessBusy(world.log, enterNamespace(world, namespace, CHANGE_FOR_PACKAGE_LOCK, "told"));
  if (lock === undefined) return;
  requirePackage(world.files);
  const request = { source: PACKAGE_BIN, linkDirectory: DEFAULT_LINK_DIRECTORY, namespace };
  const { changes, keptUnits } = planUnlink(world.files, request);
  const isOwn = (unit: string) => unit === namespace.teleport.unitFile && hasPackageUnit(world.files, namespace);
  tell(
    world.log,
    keptUnits.flatMap((unit) => (isOwn(unit) ? packageUnitNotices(unit) : keptUnitNotices([unit]))),
  );
  await inTransaction(world, lock, (transaction) => transaction.apply(withDaemonReload(world, changes)));
  world.log.info("The programs of the package are not linked any more.", { path: DEFAULT_LINK_DIRECTORY });
}
