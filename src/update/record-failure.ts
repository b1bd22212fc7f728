import { isUpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { type Revision, sameRevision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { planConfig } from "./plan-config.ts";
import { inTransaction } from "./transaction.ts";

/**
 * The host is put back by now; what is left is to remember the attempt, and not to try a broken release again. Where
 * `update.yaml` still names the new version it could not be put back, and stays as it is: the next run knows it by its text.
 */
export async function recordFailure(
  world: World,
  namespace: Namespace,
  config: UpdateConfig,
  failure: unknown,
): Promise<void> {
  const target = config.status.lastUpdate?.target;
  const isBroken = isUpdateError(failure, "E_BROKEN_RELEASE") || isUpdateError(causeOf(failure), "E_BROKEN_RELEASE");
  const skip: Revision | undefined = isBroken && target !== undefined ? target : config.status.skip;
  try {
    // Not the backup of the start: it may have made room for the release that failed.
    const { active, backup } = readUpdateConfig(world.files, namespace).status;
    if (target !== undefined && sameRevision(active, target)) return;
    const recorded = { ...config, status: { ...config.status, skip, backup } };
    const ungoverned = { ...world, signal: new AbortController().signal };
    // One file, replaced at once, needs no journal; and one that a roll back could not end must stay as it is.
    await inTransaction(ungoverned, undefined, (transaction) =>
      transaction.apply(planConfig(world.files, namespace, recorded)),
    );
  } catch (error) {
    world.log.error("The failed update could not be recorded.", { error: String(error) });
  }
}

/** A roll back that went wrong carries what made it necessary. */
function causeOf(failure: unknown): unknown {
  return failure instanceof Error ? failure.cause : undefined;
}
