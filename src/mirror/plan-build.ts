import type { FindAnswer } from "../cluster/find-answer.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Architecture } from "../release/address.ts";
import type { ProofDemands } from "../release/proof.ts";
import { type RevisionFlag, revision } from "../settings/revision.ts";
import { type NamedArchive, namedArchive, parseArchiveName } from "./archive-names.ts";
import { isWithin, newest, type VersionWish } from "./versions.ts";

/** What a mirror shall hold, in the words of the operator. */
export interface BuildWishes {
  versions: readonly VersionWish[];
  /** What a cluster advertises; undefined when none was asked. */
  advertised: Pick<FindAnswer, "target" | "digests"> | undefined;
  /** By their flags. */
  editions: readonly (readonly RevisionFlag[])[];
  architectures: readonly Architecture[];
  /** How many versions of an edition stay; a range brings no more than that either. */
  keep: number | undefined;
  /** Lower-case hex; empty when none is given. */
  digest: string;
}

/** An archive that the mirror shall hold, and the digests that it must have. */
export interface WantedArchive extends NamedArchive {
  pinned: ProofDemands["pinned"];
}

/**
 * The archives that are wished for, each once, in a stable order. `listed` are the names that the origins have; a range takes
 * what there is of it, and of a version that is named each archive has to be there. Fails with `E_MIRROR` when nothing is wished
 * for or a range holds nothing, and with `E_USAGE` for a digest of more than one archive.
 */
export function planBuild(wishes: BuildWishes, listed: readonly string[]): WantedArchive[] {
  const { versions, advertised, editions, architectures, digest } = wishes;
  const named = [...versions.flatMap((wish) => (wish.kind === "exact" ? [wish.version] : [])), ...target(advertised)];
  const ofNamed = named.flatMap((version) =>
    editions.flatMap((flags) => architectures.map((one) => namedArchive(revision(version, flags), one))),
  );
  const ofRanges = versions.flatMap((wish) => (wish.kind === "range" ? within(wish, wishes, listed) : []));
  const wanted = new Map([...ofNamed, ...ofRanges].map((archive) => [archive.name, archive]));
  if (wanted.size === 0) throw nothingWanted();
  if (digest !== "" && wanted.size > 1) {
    throw new UpdateError("E_USAGE", `flag \`--digest\` is for one archive, and ${wanted.size} are wanted`, {
      hint: "name one version, one edition and one architecture with it",
    });
  }
  return [...wanted.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((archive) => {
      const fromCluster = advertised?.digests.get(archive.name);
      const given = digest === "" ? [] : [{ sha256: digest, by: "`--digest`" }];
      return { ...archive, pinned: fromCluster ? [...given, { sha256: fromCluster, by: "the cluster" }] : given };
    });
}

function target(advertised: BuildWishes["advertised"]): string[] {
  return advertised === undefined ? [] : [advertised.target.version];
}

function within(
  wish: VersionWish & { kind: "range" },
  { editions, architectures, keep }: BuildWishes,
  listed: readonly string[],
): NamedArchive[] {
  const archives = listed.flatMap((name) => parseArchiveName(name) ?? []);
  const found = editions.flatMap((flags) => {
    const ofEdition = archives.filter(
      ({ revision: { version, flags: own }, architecture }) =>
        own.join() === flags.join() && architectures.includes(architecture) && isWithin(version, wish),
    );
    const all = ofEdition.map(({ revision: { version } }) => version);
    const versions = new Set(newest(all, keep));
    return ofEdition.filter(({ revision: { version } }) => versions.has(version));
  });
  if (found.length > 0) return found;
  throw new UpdateError(
    "E_MIRROR",
    `no place holds a version within \`${wish.text}\` of these editions and processors`,
    {
      hint: "look into its `index.json` for what it holds, and name other bounds, `--edition` or `--arch`",
    },
  );
}

function nothingWanted(): UpdateError {
  return new UpdateError("E_USAGE", "no version is named", {
    hint: "name versions with `--version 18.4.1`, or the cluster whose version is wanted with `--proxy HOST`",
  });
}
