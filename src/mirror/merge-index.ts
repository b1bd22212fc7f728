import type { Belief } from "./believe-bundle.ts";
import type { MirrorFile, MirrorIndex } from "./index-file.ts";
import type { BundledFile } from "./manifest.ts";

/**
 * The index of a tree into which these files came; the very same `index` when it says all that already. Where a file came from
 * first is what the bundle claims; by what it was believed is what we have seen ourselves.
 */
export function mergeIndex(
  index: MirrorIndex | undefined,
  files: readonly BundledFile[],
  believed: (file: BundledFile) => Belief,
  now: Date,
): MirrorIndex {
  const known = index?.files ?? {};
  // A later import may be believed by less than the first: what is known of the same file stays.
  const added = files.filter(({ name, sha256 }) => known[name]?.sha256 !== sha256);
  if (index !== undefined && added.length === 0) return index;
  const entries = added.map((file) => [file.name, entryOf(file, believed(file))]);
  const merged: Record<string, MirrorFile> = { ...known, ...Object.fromEntries(entries) };
  return { ...index, kind: "teleport_mirror", version: "v1", written: now.toISOString(), files: merged };
}

function entryOf({ name: _, modified: __, origin, ...file }: BundledFile, belief: Belief): MirrorFile {
  return origin === undefined ? file : { ...file, origin: { place: origin.place, fetched: origin.fetched, ...belief } };
}
