import type { FindAnswer } from "../cluster/find-answer.ts";
import { UpdateError } from "../platform/errors.ts";
import { formatRevision, type Revision, revision, sameRevision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";

/** Everything that decides what `enable` and `pin` do. */
export interface EnrollInputs {
  /** With the override merged in. */
  config: UpdateConfig;
  answer: FindAnswer;
  /** Empty: take the cluster's version. */
  forceVersion: string;
  /** Added to the cluster's flags, never taken away (updater-core §1.4). */
  forceFlags: readonly string[];
}

export interface EnrollDecision {
  /** `repair`: the target is active already, so links and units are written again and nothing is reloaded. */
  action: "install" | "repair";
  target: Revision;
  reason: string;
  /** The target was marked broken by an earlier update. */
  retriesSkipped: boolean;
}

/**
 * What `enable` and `pin` do, from plain data (updater-core §4.2 step 3, §4.3 step 1). Pinned, enabled and the window
 * are not consulted: enrolling always goes to the target. Fails with `E_NO_TARGET`.
 */
export function decideEnrollment({ config, answer, forceVersion, forceFlags }: EnrollInputs): EnrollDecision {
  const isForced = forceVersion !== "";
  const version = isForced ? forceVersion : answer.target.version;
  if (version === "") {
    throw new UpdateError("E_NO_TARGET", "the agent version is not available from the cluster", {
      hint: "on a self-hosted cluster create the `autoupdate_version` resource with `tctl create`, or choose a version with `teleport-update pin --force-version`",
    });
  }
  const target = revision(version, [...answer.flags, ...forceFlags]);
  const isActive = sameRevision(target, config.status.active);
  const origin = isForced ? "the forced version" : "the version that the cluster advertises";
  return {
    action: isActive ? "repair" : "install",
    target,
    reason: `${formatRevision(target)} is ${origin}${isActive ? ", and active already" : ""}`,
    retriesSkipped: config.status.skip?.version === version,
  };
}
