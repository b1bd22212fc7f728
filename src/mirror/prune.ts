import { join } from "node:path";
import type { World } from "../platform/world.ts";
import { isProofName, provenBy, splitRelease } from "./archive-names.ts";
import type { MirrorFile, MirrorIndex } from "./index-file.ts";
import { parseUpdaterName } from "./updater-names.ts";
import { newest } from "./versions.ts";

/** What stays in any case: a cluster that advertises an older version again wants just that one. */
export interface Asked {
  /** As the index names them. */
  releases: ReadonlySet<string>;
  /** The versions of the updater; none when this run was not about it, and then all of them stay. */
  updaters: ReadonlySet<string>;
}

/** The names of the files that go when the newest `keep` versions stay, of each edition and of the updater itself. */
export function filesToPrune(index: MirrorIndex, keep: number, asked: Asked): string[] {
  const releases = releasesToPrune(index, keep, asked.releases);
  const updaters = asked.updaters.size === 0 ? [] : updatersToPrune(index, keep, asked.updaters);
  return Object.entries(index.files).flatMap(([name, { release }]) => {
    const isOld = releases.includes(release ?? "") || updaters.includes(updaterVersion(name) ?? "");
    return isOld ? [name] : [];
  });
}

function releasesToPrune(index: MirrorIndex, keep: number, asked: ReadonlySet<string>): string[] {
  const releasesOf = (files: readonly (readonly [string, MirrorFile])[]) =>
    new Set(files.flatMap(([, { release }]) => release ?? []));
  const files = Object.entries(index.files);
  // A signature without an archive is no release, and none goes in favour of it.
  const present = releasesOf(files.filter(([name]) => !isProofName(name)));
  const editions = Map.groupBy(releasesOf(files), (release) => splitRelease(release).edition);
  return [...editions.values()].flatMap((ofEdition) => {
    const versions = ofEdition
      .filter((release) => present.has(release))
      .map((release) => splitRelease(release).version);
    const kept = newest(versions, keep);
    return ofEdition.filter((release) => !kept.includes(splitRelease(release).version) && !asked.has(release));
  });
}

function updatersToPrune(index: MirrorIndex, keep: number, asked: ReadonlySet<string>): string[] {
  const versions = new Set(Object.keys(index.files).flatMap((name) => updaterVersion(name) ?? []));
  const kept = newest(versions, keep);
  return [...versions].filter((version) => !kept.includes(version) && !asked.has(version));
}

/** Of a tarball of the updater, and of what lies beside it. */
function updaterVersion(name: string): string | undefined {
  return parseUpdaterName(provenBy(name))?.version;
}

/**
 * Takes files out of the tree and of its index; answers the names of those that went. A file that is not the one which was made
 * here stays, and is forgotten.
 */
export function prune(
  { localFiles: files, log }: Pick<World, "localFiles" | "log">,
  directory: string,
  index: MirrorIndex,
  names: readonly string[],
): string[] {
  const chosen = Object.entries(index.files).filter(([name]) => names.includes(name));
  // What is beside an archive goes first: a host that finds no checksum knows that the release is not there.
  const inOrder = chosen.sort(([a], [b]) => b.length - a.length);
  return inOrder.flatMap(([name, { bytes }]) => {
    const path = join(directory, name);
    const found = files.stat(path);
    delete index.files[name];
    if (found !== undefined && (found.kind !== "file" || found.size !== bytes)) {
      log.warn("A file is not the one that was made here, so it stays.", { path });
      return [];
    }
    files.removeFile(path);
    return [name];
  });
}
