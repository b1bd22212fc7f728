import { UpdateError } from "../platform/errors.ts";
import { quote } from "../platform/quote.ts";
import { parseVersion } from "../settings/revision.ts";
import { compareToBound, compareVersions, parseVersionBound, type VersionBound } from "../settings/version-bound.ts";
import { splitRelease } from "./archive-names.ts";

/** What `--version` asks for: one version, or all that lie within bounds. */
export type VersionWish =
  | { kind: "exact"; version: string }
  | { kind: "range"; text: string; bounds: readonly Bound[] };

/** One side of a range; a series in it (`18.4`) stands for all of its versions, first and last. */
interface Bound {
  operator: Operator;
  bound: VersionBound;
}
type Operator = keyof typeof HOLDS;

const HOLDS = {
  ">=": (difference: number) => difference >= 0,
  ">": (difference: number) => difference > 0,
  "<=": (difference: number) => difference <= 0,
  "<": (difference: number) => difference < 0,
  "=": (difference: number) => difference === 0,
};

/**
 * Reads a wish: `18.4.1`; a series, `18` or `18.4`; from and to, `18.2..18.4`, either of which may be left out; or comparisons
 * that must all hold, `>=18.2.0 <18.5.0`. Fails with `E_VERSION`.
 */
export function parseVersionWish(text: string): VersionWish {
  const trimmed = text.trim();
  const { edition } = splitRelease(trimmed);
  if (edition !== "") {
    throw new UpdateError("E_VERSION", `${quote(text)} is a version and an edition`, {
      hint: `name the edition for itself: \`--edition ${edition.includes("FIPS") ? "ent-fips" : "ent"}\``,
    });
  }
  if (/^v?\d+\.\d+\.\d+/.test(trimmed) && !trimmed.includes("..")) {
    return { kind: "exact", version: parseVersion(trimmed, "the version to mirror") };
  }
  const bounds = fromTo(trimmed) ?? trimmed.split(/\s+/).map(comparison);
  if (bounds.length === 0 || bounds.includes(undefined)) throw badWish(text);
  return { kind: "range", text: trimmed, bounds: bounds.flatMap((bound) => bound ?? []) };
}

/** Whether a version lies within a range. A pre-release never does: it is only taken by its own name. */
export function isWithin(version: string, { bounds }: VersionWish & { kind: "range" }): boolean {
  const isRelease = !version.split("+")[0]?.includes("-");
  return isRelease && bounds.every(({ operator, bound }) => HOLDS[operator](compareToBound(version, bound)));
}

/** The newest `count` of some versions, newest first; all of them without a count. */
export function newest(versions: Iterable<string>, count: number | undefined): string[] {
  return [...new Set(versions)].sort((a, b) => compareVersions(b, a)).slice(0, count);
}

/** Undefined for what is no `A..B`; with an undefined bound for one that cannot be read. */
function fromTo(text: string): (Bound | undefined)[] | undefined {
  const [, from = "", to = ""] = /^([^\s<>=]*?)\.\.([^\s<>=]*)$/.exec(text) ?? [];
  if (from === "" && to === "") return undefined;
  return [...(from === "" ? [] : [boundOf(">=", from)]), ...(to === "" ? [] : [boundOf("<=", to)])];
}

function comparison(word: string): Bound | undefined {
  const [, operator = "=", bound = ""] = /^(>=|>|<=|<|=)?(\S+)$/.exec(word) ?? [];
  return boundOf(operator as Operator, bound);
}

function boundOf(operator: Operator, text: string): Bound | undefined {
  // A version may be written as its tag is, so a series may too.
  const bound = parseVersionBound(text.replace(/^v(?=\d+(\.\d+)?$)/, ""));
  return bound && { operator, bound };
}

function badWish(text: string): UpdateError {
  return new UpdateError("E_VERSION", `${quote(text)} is neither a version nor a range of versions`, {
    hint: "write `18.4.1`, `18.4`, `18.2..18.4`, or `>=18.2.0 <18.5.0` in quotes",
  });
}
