import { join } from "node:path";
import { planLinks } from "../host/links.ts";
import { keptUnitNotices } from "../host/notices.ts";
import { systemd } from "../host/systemd.ts";
import { decideTbot } from "../host/tbot.ts";
import { linkRemoval, namesLinkedInto, planUnlinkNamespace } from "../host/unlink.ts";
import type { Change, ReloadChange } from "../platform/change.ts";
import type { World } from "../platform/world.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace, PACKAGE_DIRECTORY } from "../settings/namespace.ts";
import { readTeleportDefaults } from "../settings/teleport-config.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { tell } from "./apply-setup.ts";
import { architectureOf } from "./architecture.ts";
import { provePrograms } from "./prove-programs.ts";
import { serviceReloads, withDaemonReload } from "./services.ts";
import { PACKAGE_BIN, planPackageUnit, requireClosedPackage } from "./teleport-package.ts";

/** What comes in place of the managed programs: links and units, and the services that must then be reloaded. */
export interface Replacement {
  changes: Change[];
  reloads: ReloadChange[];
}

/**
 * The programs of the package, by `names`, in place of the managed ones, and its unit (updater-core §4.7, steps 3 and 4).
 * Links that it has no program for go, as what they lead to goes too. Fails with `E_OPEN_PLACE` or `E_PROGRAM`, and as
 * `planLinks` and `planExampleUnit` do.
 */
export async function planGiveBack(
  world: World,
  namespace: Namespace,
  config: UpdateConfig,
  names: readonly string[],
): Promise<Replacement> {
  // To warn is enough for who wants to be rid of the updater, but not for what root is to run from here on.
  requireClosedPackage(world);
  await provePrograms(world, PACKAGE_DIRECTORY, { architecture: architectureOf(world, namespace, config) });
  const linkDirectory = DEFAULT_LINK_DIRECTORY;
  const leftOver = namesLinkedInto(world.files, namespace, linkDirectory).filter((name) => !names.includes(name));
  const changes = [
    ...leftOver.flatMap((name) => linkRemoval(world.files, join(linkDirectory, name))),
    ...planLinks(world.files, {
      source: PACKAGE_BIN,
      names,
      linkDirectory,
      overwrite: false,
      updaterTarget: undefined,
      asideSuffix: "",
    }),
    ...withDaemonReload(world, planPackageUnit(world.files, namespace)),
  ];
  return { changes, reloads: systemd(world).isRunning() ? await planReloads(world, namespace) : [] };
}

/** Nothing in place of the managed programs: their links go, and the units that their setup made. */
export function planRemoval(world: World, namespace: Namespace, linkDirectory: string): Replacement {
  const { changes, keptUnits } = planUnlinkNamespace(world.files, namespace, linkDirectory);
  tell(world.log, keptUnitNotices(keptUnits));
  return { changes: withDaemonReload(world, changes), reloads: [] };
}

async function planReloads(world: World, namespace: Namespace): Promise<ReloadChange[]> {
  const tbot = decideTbot(world.files, namespace, false);
  const troubles = tbot.notices.filter(({ level }) => level === "error");
  // What is no trouble is advice for `enable`.
  tell(world.log, troubles);
  const { dataDirectory } = readTeleportDefaults(world.files, namespace, world.log);
  return await serviceReloads(world, namespace, dataDirectory, tbot.isManaged);
}
