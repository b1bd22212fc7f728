import { UpdateError } from "../platform/errors.ts";
import { quote } from "../platform/quote.ts";

/** The flags of a revision, in the fixed order in which they are written (updater-core §2.1). */
export const REVISION_FLAGS = ["Enterprise", "FIPS"] as const;
export type RevisionFlag = (typeof REVISION_FLAGS)[number];

/** A version and its edition. An empty version has no flags and means "none" (updater-core §3.1). */
export interface Revision {
  version: string;
  flags: readonly RevisionFlag[];
}

export const NO_REVISION: Revision = { version: "", flags: [] };

/** A revision with its flags in order and without repeats; an empty version drops them. */
export function revision(version: string, flags: Iterable<string> = []): Revision {
  if (version === "") return NO_REVISION;
  const given = new Set(flags);
  return { version, flags: REVISION_FLAGS.filter((flag) => given.has(flag)) };
}

export function sameRevision(a: Revision, b: Revision): boolean {
  return a.version === b.version && a.flags.join() === b.flags.join();
}

/** The human form: `18.1.0+Enterprise+FIPS`. */
export function formatRevision({ version, flags }: Revision): string {
  return [version, ...flags].join("+");
}

/** The name of the version directory: `18.1.0`, `18.1.0_ent`, `18.1.0_ent_fips` (updater-core §3.1). */
export function revisionDirectory({ version, flags }: Revision): string {
  if (flags.includes("FIPS")) return `${version}_ent_fips`;
  return flags.includes("Enterprise") ? `${version}_ent` : version;
}

/** Reads the name of a version directory back; fails with `E_VERSION` on anything else (updater-core §7.11). */
export function parseRevisionDirectory(name: string): Revision {
  const [version = "", ...flags] = name.split("_");
  if (version === "") throw new UpdateError("E_VERSION", `missing version in directory name ${quote(name)}`);
  const written = flags.join("_");
  if (written === "" && flags.length === 0) return revision(version);
  if (written === "ent") return revision(version, ["Enterprise"]);
  if (written === "ent_fips") return revision(version, ["Enterprise", "FIPS"]);
  throw new UpdateError("E_VERSION", `invalid flags in directory name ${quote(name)}`, {
    hint: "a version directory is named `<version>`, `<version>_ent` or `<version>_ent_fips`; move the odd one away",
  });
}

const SEMANTIC_VERSION =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/**
 * A version from a server or an operator, before it meets a path or a URL: strict semantic version of at most 64
 * characters. One leading `v` is dropped (updater-core §8.2, point 14). Fails with `E_VERSION`, and `hint` for where it is mended.
 */
export function parseVersion(text: string, source: string, hint = FORM_OF_VERSIONS): string {
  const version = text.startsWith("v") ? text.slice(1) : text;
  if (version.length <= 64 && SEMANTIC_VERSION.test(version)) return version;
  throw new UpdateError("E_VERSION", `${source} is not a valid version: ${quote(text)}`, {
    hint,
  });
}

const FORM_OF_VERSIONS = "a version looks like `18.1.0` or `18.1.0-rc.1`";
