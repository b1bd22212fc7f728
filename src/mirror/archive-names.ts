import { type Architecture, archiveName } from "../release/address.ts";
import { parseVersion, type Revision, type RevisionFlag, revision } from "../settings/revision.ts";

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

const ARCHIVE = /^teleport(-ent)?-v(\d[0-9A-Za-z.+-]*?)-linux-(amd64|arm64|386|arm)(-fips)?-bin\.tar\.gz$/;
