import { basename } from "node:path";
import { isUpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { parseRevisionDirectory } from "../settings/revision.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { planConfig } from "./plan-config.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Makes `update.yaml` name the version at `place` as active, where the one that it names is gone: else the next run would take
 * the host for one that is at its version already. A configuration that names none, or cannot be read, stays as it is.
 */
export async function nameActive(world: World, namespace: Namespace, place: string): Promise<void> {
  try {
    const config = readUpdateConfig(world.files, namespace);
    const { active } = config.status;
    if (active.version === "" || world.files.stat(versionDirectory(namespace, active)) !== undefined) return;
    const named = { ...config, status: { ...config.status, active: parseRevisionDirectory(basename(place)) } };
    // One file, replaced at once, needs no journal; that of the interrupted run is still there.
    await inTransaction({ ...world, signal: new AbortController().signal }, undefined, (transaction) =>
      transaction.apply(planConfig(world.files, namespace, named)),
    );
  } catch (error) {
    if (!isUpdateError(error, "E_CONFIG_READ", "E_VERSION")) throw error;
  }
}
