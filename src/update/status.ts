import { findTarget } from "../cluster/find.ts";
import type { FindAnswer } from "../cluster/find-answer.ts";
import { readPersistedId } from "../cluster/updater-id.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatRevision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { reportUnfinished } from "./recover.ts";

/** What `status` tells: the settings, what is installed, and what the cluster wants of it (updater-core §4.5). */
export interface StatusReport extends Pick<UpdateConfig, "spec" | "status"> {
  answer: FindAnswer;
  /** As the agent persisted it; never computed here. */
  id: string;
}

/**
 * Reads the namespace and asks its proxy, whether updates are enabled or not. Takes no lock, needs no root, writes
 * nothing. Fails with `E_NOT_INSTALLED` when no proxy is configured, and as `findTarget` does.
 */
export async function readStatus(
  world: World,
  request: { namespace: Namespace; insecure: boolean },
): Promise<StatusReport> {
  reportUnfinished(world, request.namespace);
  const { spec, status } = mergeOverride(readUpdateConfig(world.files, request.namespace), NO_OVERRIDE, "none");
  if (spec.proxy === "") {
    throw notInstalled(request.namespace);
  }
  const id = status.idFile === "" ? "" : readPersistedId(world.files, status.idFile);
  const { proxy, group } = spec;
  const answer = await findTarget(world, { proxy, group, updaterId: id, insecure: request.insecure });
  return { spec, status, answer, id };
}

/** True when the host should move now; edition counts, as in the rendered form (updater-core §1.5, exit code 3). */
export function shouldUpdateNow({ status, answer }: Pick<StatusReport, "status" | "answer">): boolean {
  return answer.inWindow && formatRevision(status.active) !== formatRevision(answer.target);
}

function notInstalled({ suffix }: Namespace): UpdateError {
  const [which, flag] = suffix === "" ? ["without a suffix", ""] : [`with the suffix \`${suffix}\``, ` -i ${suffix}`];
  return new UpdateError("E_NOT_INSTALLED", `Teleport was not installed by \`teleport-update\` ${which}`, {
    hint: `enroll this host with \`teleport-update enable${flag} --proxy ADDRESS\`, or name another \`--install-suffix\``,
  });
}
