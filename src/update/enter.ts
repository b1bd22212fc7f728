import { acquireLock, type Lock, type LockMode } from "../host/lock.ts";
import type { World } from "../platform/world.ts";
import { sweepStaging } from "../release/stage.ts";
import type { Namespace } from "../settings/namespace.ts";
import { type OpenPlacesAre, requireClosedNamespace } from "./closed-places.ts";
import { recover } from "./recover.ts";
import { warnOfUnknownOptions } from "./unknown-options.ts";

/**
 * Takes the exclusive lock of a namespace and leaves it as if no run had ever been interrupted: what was begun is undone,
 * what was staged is swept. The way in for every command that changes the host. Fails with `E_OPEN_PLACE` where others than
 * root could change it too, unless that is only to be told.
 */
export async function enterNamespace(
  world: World,
  namespace: Namespace,
  mode: LockMode,
  openPlaces: OpenPlacesAre = "refused",
): Promise<Lock> {
  // Before the lock, which makes folders and a file.
  requireClosedNamespace(world, namespace, openPlaces);
  const lock = await acquireLock(world, namespace, mode);
  try {
    await recover(world, namespace);
    // Only now: what an interrupted run moved aside lies in its staging folder.
    const swept = sweepStaging(world.files, namespace);
    if (swept.length > 0) world.log.warn("An earlier run was interrupted: what it had downloaded is removed.");
    // An interrupted run may have been about to write them.
    warnOfUnknownOptions(world, namespace);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** For commands that find nothing to do on a host that was never enrolled: most likely the suffix is mistyped. */
export function warnIfMissing({ files, log }: Pick<World, "files" | "log">, namespace: Namespace): void {
  if (files.stat(namespace.config) !== undefined) return;
  log.warn("Nothing is installed by this updater here.", {
    suffix: namespace.suffix || undefined,
    config: namespace.config,
  });
}
