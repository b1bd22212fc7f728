import { join } from "node:path";
import type { World } from "../platform/world.ts";
import { REVISION_FLAGS } from "../settings/revision.ts";
import type { MirrorIndex } from "./index-file.ts";
import { newest } from "./versions.ts";

/**
 * The releases, as the index names them, that go when the newest `keep` versions of each edition stay. Those in `asked` stay in
 * any case: a cluster that advertises an older version again wants just that one.
 */
export function releasesToPrune(index: MirrorIndex, keep: number, asked: ReadonlySet<string>): string[] {
  const releases = [...new Set(Object.values(index.files).flatMap(({ release }) => release ?? []))];
  const editions = Map.groupBy(releases, (release) => splitRelease(release).edition);
  return [...editions.values()].flatMap((ofEdition) => {
    const kept = newest(
      ofEdition.map((release) => splitRelease(release).version),
      keep,
    );
    return ofEdition.filter((release) => !kept.includes(splitRelease(release).version) && !asked.has(release));
  });
}

/**
 * Takes releases out of the tree and of its index; answers the names of the files. A file that is not the one which was made
 * here stays, and is forgotten.
 */
export function prune(
  { localFiles: files, log }: Pick<World, "localFiles" | "log">,
  directory: string,
  index: MirrorIndex,
  releases: readonly string[],
): string[] {
  const chosen = Object.entries(index.files).filter(([, { release = "" }]) => releases.includes(release));
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

/** `18.4.1+Enterprise+FIPS` is a version and the edition behind it. */
function splitRelease(release: string): { version: string; edition: string } {
  const words = release.split("+");
  let end = words.length;
  while (end > 1 && REVISION_FLAGS.some((flag) => flag === words[end - 1])) end -= 1;
  return { version: words.slice(0, end).join("+"), edition: words.slice(end).join("+") };
}
