import type { FileImage } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatRevision } from "../settings/revision.ts";
import { parseUpdateConfig } from "../settings/update-config-read.ts";
import { recordLate } from "./history.ts";
import type { EndedRun } from "./read-journal.ts";

/**
 * Gives a run its line in the history that came to its end and was killed before it wrote one. Which command it was is not
 * known; what it did to `update.yaml` is, and one that left that alone is passed over: it may be of a command that has no line.
 */
export function noteEnded(world: World, namespace: Namespace, { changes, started, updater, outcome }: EndedRun): void {
  const images = changes.flatMap((change) =>
    change.kind === "file" && change.path === namespace.config ? [change] : [],
  );
  const after = images.at(-1)?.after;
  if (after === undefined || after === null) return;
  const from = activeIn(images[0]?.before, namespace);
  const to = activeIn(after, namespace);
  const isMove = to !== undefined && to !== from;
  const isCommitted = outcome === "committed";
  const { log } = world;
  if (isCommitted)
    log.warn("An earlier run was interrupted when it had made its changes, which stay.", { started, updater });
  else log.warn("An earlier run was interrupted when it had put the host back.", { started, updater });
  recordLate(world, namespace, {
    time: started,
    command: "recovery",
    outcome: isCommitted ? "done" : "failed",
    ...(isMove && { ...(from && { from }), to }),
    seconds: 0,
    updater,
  });
}

/** The version that a text of `update.yaml` names as active; undefined for none. */
function activeIn(image: FileImage | null | undefined, { config }: Namespace): string | undefined {
  if (image === undefined || image === null) return undefined;
  try {
    return formatRevision(parseUpdateConfig(image.content, config).status.active) || undefined;
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    return undefined;
  }
}
