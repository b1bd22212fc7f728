import { dirname } from "node:path";
import { planLinks } from "../host/links.ts";
import type { Lock } from "../host/lock.ts";
import { decideTbot } from "../host/tbot.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import type { GivenOptions } from "../settings/options.ts";
import { NO_REVISION } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { applySetup, tell } from "./apply-setup.ts";
import { tidy } from "./clean-up.ts";
import { planFormerLinks } from "./former-links.ts";
import { type GivenProxies, planGivenProxies } from "./keep-proxies.ts";
import { linkPlacesOfRun } from "./link-places.ts";
import { giveNotices } from "./notices.ts";
import { planOldCopies, stageOwnUpdater } from "./own-updater.ts";
import { planConfig } from "./plan-config.ts";
import { planOptions } from "./plan-options.ts";
import { planOwnSetup } from "./setup-step.ts";
import { inTransaction } from "./transaction.ts";

/** An image whose hosts install their first release by themselves. */
export interface LaterEnrollment {
  namespace: Namespace;
  /** Settings merged, as it is to be written. */
  config: UpdateConfig;
  architecture: Architecture;
  /** The program of this machine that stays as the updater; empty for the running one. */
  updater: string;
  dataDirectory: string;
  options: GivenOptions;
  givenProxies: GivenProxies;
  overwrite: boolean;
}

/**
 * Enrolls an image without a release: the settings, the updater and its units, in one transaction. The units of the services
 * are written too, so that they can be enabled in the image: what starts pulls the timer in, and the first run installs what the
 * cluster advertises by then. A release that the image has already stays, with its units. Fails with `E_PROGRAM`,
 * `E_FILE_PRESENT`, and as `planSetup` does.
 */
export async function enrollLater(world: World, lock: Lock, job: LaterEnrollment): Promise<void> {
  const { files, log } = world;
  const { namespace, config, architecture, updater: given, dataDirectory } = job;
  const { path } = config.spec;
  await using updater = await stageOwnUpdater(world, namespace, { architecture, given, path });
  if (updater === undefined) throw noUpdater();
  const linkFolders = linkPlacesOfRun(files, namespace, config);
  const tbot = decideTbot(files, namespace, job.overwrite);
  tell(log, tbot.notices);
  const links = planLinks(files, {
    source: dirname(updater.target),
    names: [UPDATER_NAME],
    linkDirectory: path,
    overwrite: job.overwrite,
    updaterTarget: updater.target,
    asideSuffix: crypto.randomUUID().slice(0, 8),
  });
  const revision = config.status.active;
  const units = { namespace, revision, path, systemd: { kind: "offline" } } as const;
  const step = { ...units, dataDirectory, manageTbot: tbot.isManaged };
  const hasRelease = revision.version !== NO_REVISION.version;
  const setup = hasRelease ? [] : planOwnSetup(world, step, config.spec.selinuxSsh);
  // With a release its units still name the old path: the first boot goes on from there.
  const former = hasRelease ? [] : planFormerLinks(world, namespace, path);
  const options = planOptions(files, namespace, job.options);
  const proxies = planGivenProxies(files, units, job.givenProxies, false);

  await inTransaction(world, lock, async (transaction) => {
    await transaction.apply([
      ...planConfig(files, namespace, config),
      ...options,
      ...proxies,
      ...updater.changes,
      ...links,
    ]);
    await applySetup(world, transaction, setup);
    await transaction.apply(former);
  });
  await tidy(world, () => planOldCopies(world, namespace, path, linkFolders));
  log.info("Configuration updated.", { config: namespace.config });
  if (!hasRelease) log.info("Hosts of this image install what the cluster advertises when they first boot.");
  await giveNotices(world, namespace, { path, dataDirectory, manageTbot: tbot.isManaged });
}

function noUpdater(): UpdateError {
  return new UpdateError(
    "E_PROGRAM",
    "an image without a release needs an updater, and this one runs from its sources",
    {
      hint: "name the executable with `--updater FILE`",
    },
  );
}
