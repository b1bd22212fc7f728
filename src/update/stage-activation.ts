import { join } from "node:path";
import { isLinked } from "../host/linked.ts";
import type { World } from "../platform/world.ts";
import { versionDirectory } from "../settings/namespace.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import type { Activation } from "./activate.ts";
import { removeOldBackup } from "./clean-up.ts";
import { type ObtainedRelease, obtainRelease } from "./obtain-release.ts";
import { type OwnUpdater, stageOwnUpdater } from "./own-updater.ts";

/** What an activation needs on the disk, staged and proven; disposing removes what was not moved into its place. */
export interface StagedActivation extends AsyncDisposable {
  release: ObtainedRelease;
  /** Undefined when the place of the updater is handed over, or there is nothing of ours to keep. */
  updater: OwnUpdater | undefined;
  /** As it reads now that an old version may have made room. */
  config: UpdateConfig;
}

/**
 * The release comes over the network while our own program is copied; if one fails, what the other staged goes too. Nothing is
 * written, and the backup is there to go back to, until it is known that the release can be had.
 */
export async function stageActivation(
  world: World,
  { namespace, target, release: wanted, config, handOver, architecture, updater: given }: Activation,
  linkFolders: readonly string[],
): Promise<StagedActivation> {
  const bin = join(versionDirectory(namespace, target), "bin");
  const room = Promise.withResolvers<UpdateConfig>();
  let isRoomMade = false;
  const makeRoom = async () => {
    // A download that starts over has its room by then.
    if (!isRoomMade) room.resolve(removeOldBackup(world, { namespace, config, target, linkFolders }));
    isRoomMade = true;
    await room.promise;
  };
  const obtain = async () => {
    try {
      const isInUse = linkFolders.some((folder) => isLinked(world.files, bin, folder));
      return await obtainRelease(world, { namespace, target, release: wanted, isLinked: isInUse, makeRoom });
    } catch (failure) {
      room.reject(failure);
      throw failure;
    }
  };
  const copy = async () => {
    const freed = await room.promise;
    const wish = { architecture, given, path: config.spec.path };
    return { config: freed, own: handOver ? undefined : await stageOwnUpdater(world, namespace, wish) };
  };
  const [updater, release] = await Promise.allSettled([copy(), obtain()]);
  const dispose = async () => {
    if (updater.status === "fulfilled") await updater.value.own?.[Symbol.asyncDispose]();
    if (release.status === "fulfilled") await release.value[Symbol.asyncDispose]();
  };
  if (release.status === "fulfilled" && updater.status === "fulfilled") {
    const { own, config } = updater.value;
    return { release: release.value, updater: own, config, [Symbol.asyncDispose]: dispose };
  }
  await dispose();
  throw [release, updater].find((result) => result.status === "rejected")?.reason;
}
