import { join } from "node:path";
import { isLinked } from "../host/linked.ts";
import type { World } from "../platform/world.ts";
import { versionDirectory } from "../settings/namespace.ts";
import type { Activation } from "./activate.ts";
import { type ObtainedRelease, obtainRelease } from "./obtain-release.ts";
import { type OwnUpdater, stageOwnUpdater } from "./own-updater.ts";

/** What an activation needs on the disk, staged and proven; disposing removes what was not moved into its place. */
export interface StagedActivation extends AsyncDisposable {
  release: ObtainedRelease;
  /** Undefined when the place of the updater is handed over, or there is nothing of ours to keep. */
  updater: OwnUpdater | undefined;
}

/** The release comes over the network while our own program is copied; if one fails, what the other staged goes too. */
export async function stageActivation(
  world: World,
  { namespace, target, release: wanted, config, handOver, architecture, updater: given }: Activation,
  linkFolders: readonly string[],
): Promise<StagedActivation> {
  const bin = join(versionDirectory(namespace, target), "bin");
  const [updater, release] = await Promise.allSettled([
    handOver ? undefined : stageOwnUpdater(world, namespace, { architecture, given, path: config.spec.path }),
    obtainRelease(world, {
      namespace,
      target,
      release: wanted,
      isLinked: linkFolders.some((folder) => isLinked(world.files, bin, folder)),
    }),
  ]);
  const dispose = async () => {
    if (updater.status === "fulfilled") await updater.value?.[Symbol.asyncDispose]();
    if (release.status === "fulfilled") await release.value[Symbol.asyncDispose]();
  };
  if (release.status === "fulfilled" && updater.status === "fulfilled") {
    return { release: release.value, updater: updater.value, [Symbol.asyncDispose]: dispose };
  }
  await dispose();
  throw [release, updater].find((result) => result.status === "rejected")?.reason;
}
