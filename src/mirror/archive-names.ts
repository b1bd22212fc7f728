import { type Architecture, archiveName } from "../release/address.ts";
import {
  formatRevision,
  parseVersion,
  REVISION_FLAGS,
  type Revision,
  type RevisionFlag,
  revision,
} from "../settings/revision.ts";

/** The editions of a release, by the words of the command line. */
export const EDITIONS = {
  oss: [],
  ent: ["Enterprise"],
  "ent-fips": ["Enterprise", "FIPS"],
} as const satisfies Record<string, readonly RevisionFlag[]>;

/** In which processors' archives a mirror can deal. */
export const ARCHITECTURES: readonly Architecture[] = ["amd64", "arm64", "386", "arm"];

/** One archive of a release: of which revision, and for which processor. */
export interface NamedArchive {
  name: string;
  revision: Revision;
  architecture: Architecture;
}

/** The archive of a revision for a processor. */
export function namedArchive(revision: Revision, architecture: Architecture): NamedArchive {
  return { name: archiveName(revision, "linux", architecture), revision, architecture };
}

/** Reads the name of an archive back; undefined for any other name. */
export function parseArchiveName(name: string): NamedArchive | undefined {
  const [, edition, written = "", processor, fips] = ARCHIVE.exec(name) ?? [];
  const architecture = ARCHITECTURES.find((known) => known === processor);
  if (architecture === undefined) return undefined;
  const flags = fips === undefined ? (edition === undefined ? EDITIONS.oss : EDITIONS.ent) : EDITIONS["ent-fips"];
  try {
    const archive = namedArchive(revision(parseVersion(written, "the name"), flags), architecture);
    return archive.name === name ? archive : undefined;
  } catch {
    return undefined;
  }
}

/** What has its version in its name, and so never changes. */
export function isArchive(name: string): boolean {
  return /-v?\d+\.\d+\.\d+.*\.(tar\.gz|pkg|zip)$/.test(name);
}

/** The release that an archive is of, or the checksum or signature of one: `18.4.1+Enterprise`; undefined for any other name. */
export function releaseOf(name: string): string | undefined {
  const archive = parseArchiveName(provenBy(name));
  return archive && formatRevision(archive.revision);
}

/** `18.4.1+Enterprise+FIPS` is a version and the edition behind it, which is empty for the community one. */
export function splitRelease(release: string): { version: string; edition: string } {
  const words = release.split("+");
  let end = words.length;
  while (end > 1 && REVISION_FLAGS.some((flag) => flag === words[end - 1])) end -= 1;
  return { version: words.slice(0, end).join("+"), edition: words.slice(end).join("+") };
}

/** True for a file that makes another one believed, the one whose name is in front. */
export function isProofName(name: string): boolean {
  return PROOF_SUFFIX.test(name);
}

/** The name of the file that a `.sha256` or `.sig` is about. */
export function provenBy(name: string): string {
  return name.replace(PROOF_SUFFIX, "");
}

/** Behind the name of a file, what makes it believed. */
const PROOF_SUFFIX = /\.(sha256|sig)$/;

const ARCHIVE = /^teleport(-ent)?-v(\d[0-9A-Za-z.+-]*?)-linux-(amd64|arm64|386|arm)(-fips)?-bin\.tar\.gz$/;
