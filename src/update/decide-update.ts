import type { FindAnswer } from "../cluster/find-answer.ts";
import { commandFor } from "../settings/enroll-command.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatRevision, type Revision, sameRevision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import type { HeldBack } from "./decide-limits.ts";

/** Everything that decides what a run of `update` does. */
export interface UpdateInputs {
  config: UpdateConfig;
  answer: FindAnswer;
  /** `--now`: as if the window were open, and without jitter. */
  isNow: boolean;
  /** What keeps this host from the target, if anything; looked for only when the window is open. */
  limit: HeldBack | undefined;
}

export type UpdateRule =
  | "pinned-up-to-date"
  | "pinned"
  | "no-target-waiting"
  | "up-to-date-outside-window"
  | "broken-outside-window"
  | "available-outside-window"
  | "no-target"
  | "up-to-date"
  | "broken"
  | "held-back"
  | "move";

/** What to do, by which row of the table, and why in words; `update`, `status` and a plan read the same decision. */
export interface UpdateDecision {
  action: "stay" | "fail" | "move";
  rule: UpdateRule;
  level: "info" | "warn" | "error";
  reason: string;
  target: Revision;
  /** What keeps this host from a target that it would move to. */
  limit: HeldBack | undefined;
  /** The command that ends what keeps the host where it is; undefined where nothing of the host's does. */
  wayOut?: "unpin" | "enable";
  /** The longest random delay before the move. */
  jitterSeconds: number;
}

/**
 * The decision table of updater-core §4.4, first match from the top. A target that differs in any way is followed, a
 * lower version and another edition of the same version included; only the version counts for what was marked broken.
 * The row of the host's own limits, before the last, is ours, and so is `isWindowOpen`'s first version.
 */
export function decideUpdate({ config, answer, isNow, limit }: UpdateInputs): UpdateDecision {
  const { target } = answer;
  const { active, skip } = config.status;
  const isOpen = isWindowOpen({ config, answer, isNow });
  const isActive = sameRevision(target, active);
  const isMissing = target.version === "";
  const isBroken = !isMissing && skip?.version === target.version;
  const rule = ((): UpdateRule => {
    if (config.spec.pinned) return isActive ? "pinned-up-to-date" : "pinned";
    if (!isOpen) {
      if (isMissing) return "no-target-waiting";
      if (isActive) return "up-to-date-outside-window";
      return isBroken ? "broken-outside-window" : "available-outside-window";
    }
    if (isMissing) return "no-target";
    if (isActive) return "up-to-date";
    if (isBroken) return "broken";
    return limit === undefined ? "move" : "held-back";
  })();
  const isHeld = rule === "held-back";
  return {
    ...RULES[rule],
    rule,
    target,
    limit: isHeld ? limit : undefined,
    jitterSeconds: isNow || active.version === "" ? 0 : answer.jitterSeconds,
  };
}

type WindowInputs = Pick<UpdateInputs, "answer" | "isNow"> & { config: Pick<UpdateConfig, "status"> };

/**
 * Whether a move may begin now. A host that has no version yet waits for no window, and for no random time, just as `enable`
 * does not: there is no agent that an update could disturb. Only an image that was made offline boots like this.
 */
export function isWindowOpen({ config, answer, isNow }: WindowInputs): boolean {
  const isFirst = config.status.active.version === "" && answer.target.version !== "";
  return answer.inWindow || isNow || isFirst;
}

/** The attributes that go with a decision in the log (updater-core §1.5), and the way out of it. */
export function decisionAttributes(
  { target, limit, wayOut }: UpdateDecision,
  { status }: UpdateConfig,
  namespace: Pick<Namespace, "suffix">,
) {
  return {
    target_version: formatRevision(target) || undefined,
    active_version: formatRevision(status.active) || undefined,
    ...(limit && { rule: limit.rule, limit: limit.reason }),
    ...(wayOut && { command: commandFor(namespace, wayOut) }),
  };
}

const RULES = {
  "pinned-up-to-date": { action: "stay", level: "info", reason: "Teleport is up to date. The version is pinned." },
  pinned: { action: "stay", level: "info", reason: "The version is pinned, skipping the update.", wayOut: "unpin" },
  "no-target-waiting": {
    action: "stay",
    level: "warn",
    reason: "Cannot tell the target version, waiting for the next check.",
  },
  "up-to-date-outside-window": {
    action: "stay",
    level: "info",
    reason: "Teleport is up to date. The update window is not active.",
  },
  "broken-outside-window": {
    action: "stay",
    level: "info",
    reason: "An update is available, but it was marked broken. The update window is not active.",
    wayOut: "enable",
  },
  "available-outside-window": {
    action: "stay",
    level: "info",
    reason: "An update is available. The update window is not active.",
  },
  "no-target": {
    action: "fail",
    level: "error",
    reason: "The update window is active, but the target version is missing.",
  },
  "up-to-date": { action: "stay", level: "info", reason: "Teleport is up to date." },
  broken: {
    action: "stay",
    level: "info",
    reason: "The target version was marked broken, skipping the update.",
    wayOut: "enable",
  },
  "held-back": { action: "stay", level: "warn", reason: "The target is held back by a limit of this host." },
  move: { action: "move", level: "info", reason: "An update is available. Starting the update." },
} as const satisfies Record<UpdateRule, Pick<UpdateDecision, "action" | "level" | "reason" | "wayOut">>;
