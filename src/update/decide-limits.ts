import { UpdateError } from "../platform/errors.ts";
import { parseDuration } from "../settings/option-kinds.ts";
import type { UpdaterOptions } from "../settings/options.ts";
import { formatRevision, type Revision } from "../settings/revision.ts";
import { compareToBound, compareVersions, parseVersionBound, type VersionBound } from "../settings/version-bound.ts";

export type LimitRule = "min-version" | "max-version" | "no-downgrade" | "min-age";

/** Why this host does not go to a version that its cluster wants: the rule is the name of its flag. */
export interface HeldBack {
  rule: LimitRule;
  reason: string;
  /** What lifts the limit. */
  hint: string;
}

export interface LimitInputs {
  target: Revision;
  active: Revision;
  options: UpdaterOptions;
  now: Date;
  /** When the release was published, as its place says; undefined when it does not. Asked for only by `min_age`. */
  published: Date | undefined;
}

/**
 * The first limit of this host that keeps it from a target, or undefined. Limits hold for every command alike; what is
 * active already is never held back, whatever the limits say now.
 */
export function heldBack(inputs: LimitInputs): HeldBack | undefined {
  const { target, active } = inputs;
  if (target.version === "" || target.version === active.version) return undefined;
  return belowMinimum(inputs) ?? aboveMaximum(inputs) ?? downgrade(inputs) ?? tooYoung(inputs);
}

/** Fails with `E_USAGE` when no version at all passes between the minimum and the maximum. */
export function requireRoom({ minVersion, maxVersion }: UpdaterOptions): void {
  const [minimum, maximum] = [minVersion, maxVersion].map((text) => text && parseVersionBound(text));
  if (!minimum || !maximum || compareToBound(lowest(minimum), maximum) <= 0) return;
  throw new UpdateError(
    "E_USAGE",
    `no version lies between the minimum of this host, ${minVersion}, and its maximum, ${maxVersion}`,
    {
      hint: "give another `--min-version` or `--max-version`, or `default`, which lifts one that is kept",
    },
  );
}

/** The first version that is not below a limit. */
function lowest(bound: VersionBound): string {
  if ("version" in bound) return bound.version;
  const [major = 0, minor = 0] = bound.series;
  return `${major}.${minor}.0-0`;
}

function belowMinimum({ target, options: { minVersion } }: LimitInputs): HeldBack | undefined {
  const bound = minVersion === undefined ? undefined : parseVersionBound(minVersion);
  if (bound === undefined || compareToBound(target.version, bound) >= 0) return undefined;
  return held("min-version", `${formatRevision(target)} is below the minimum of this host, ${minVersion}`);
}

function aboveMaximum({ target, options: { maxVersion } }: LimitInputs): HeldBack | undefined {
  const bound = maxVersion === undefined ? undefined : parseVersionBound(maxVersion);
  if (bound === undefined || compareToBound(target.version, bound) <= 0) return undefined;
  return held("max-version", `${formatRevision(target)} is above the maximum of this host, ${maxVersion}`);
}

function downgrade({ target, active, options: { noDowngrade } }: LimitInputs): HeldBack | undefined {
  if (!noDowngrade || active.version === "" || compareVersions(target.version, active.version) >= 0) return undefined;
  return held(
    "no-downgrade",
    `${formatRevision(target)} is older than ${formatRevision(active)}, and this host is not to go back`,
  );
}

function tooYoung({ target, options: { minAge }, now, published }: LimitInputs): HeldBack | undefined {
  const limitMs = minAge === undefined ? undefined : parseDuration(minAge);
  if (limitMs === undefined) return undefined;
  if (published === undefined) {
    return held(
      "min-age",
      `the server does not say how old ${formatRevision(target)} is, and this host waits ${minAge}`,
    );
  }
  const due = new Date(published.getTime() + limitMs);
  if (due <= now) return undefined;
  return held(
    "min-age",
    `${formatRevision(target)} was published at ${published.toISOString()}, and this host waits ${minAge}: until ${due.toISOString()}`,
  );
}

function held(rule: LimitRule, reason: string): HeldBack {
  const lift = rule === "no-downgrade" ? "--downgrade" : `--${rule} default`;
  return { rule, reason, hint: `\`teleport-update enable ${lift}\` lifts this limit of the host, where it is kept` };
}
