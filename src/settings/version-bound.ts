import { semver } from "bun";
import { isUpdateError } from "../platform/errors.ts";
import { parseVersion } from "./revision.ts";

/** A limit on versions: a whole one (`18.2.0`), or a series (`18`, `18.2`), which stands for all its versions. */
export type VersionBound = { version: string } | { series: readonly number[] };

/** Reads a limit; undefined when the text is none. */
export function parseVersionBound(text: string): VersionBound | undefined {
  if (/^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8}))?$/.test(text)) return { series: text.split(".").map(Number) };
  try {
    return { version: parseVersion(text, "the limit") };
  } catch (error) {
    if (isUpdateError(error, "E_VERSION")) return undefined;
    throw error;
  }
}

/** Below 0 when `version` lies below the limit, 0 when it is the limit or of its series, above 0 when it lies above. */
export function compareToBound(version: string, bound: VersionBound): number {
  if ("version" in bound) return compareVersions(version, bound.version);
  const parts = version.split(/[.+-]/).slice(0, bound.series.length).map(Number);
  return bound.series.map((limit, index) => (parts[index] ?? 0) - limit).find((difference) => difference !== 0) ?? 0;
}

/** The order of semantic versions: below 0 when `a` is the older one. What follows a `+` does not count. */
export function compareVersions(a: string, b: string): number {
  const [left = "", right = ""] = [a, b].map((version) => version.split("+")[0]);
  return semver.order(left, right);
}
