import { dirname } from "node:path";
import { acquireLock, type Lock, type LockMode } from "../host/lock.ts";
import type { World } from "../platform/world.ts";
import { sweepStaging } from "../release/stage.ts";
import type { Namespace } from "../settings/namespace.ts";
import { recover } from "./recover.ts";

/**
 * Takes the exclusive lock of a namespace and leaves it as if no run had ever been interrupted: what was begun is undone,
 * what was staged is swept. The way in for every command that changes the host.
 */
export async function enterNamespace(world: World, namespace: Namespace, mode: LockMode): Promise<Lock> {
  const lock = await acquireLock(world, namespace, mode);
  try {
    warnOfOpenParents(world, namespace);
    await recover(world, namespace);
    // Only now: what an interrupted run moved aside lies in its staging folder.
    sweepStaging(world.files, namespace);
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

/** Who may write a folder above the namespace could put another one in its place; root should hear of it. */
function warnOfOpenParents({ files, log }: Pick<World, "files" | "log">, namespace: Namespace): void {
  if (files.root !== "/") return;
  for (let path = namespace.directory; path !== "/"; path = dirname(path)) {
    const stat = files.statFollowed(path);
    if (stat === undefined || (stat.owner === 0 && (stat.mode & 0o022) === 0)) continue;
    log.warn("Others than root may write a folder of the installation.", {
      path,
      owner: stat.owner,
      command: `chown root:root ${path}; chmod go-w ${path}`,
    });
  }
}
