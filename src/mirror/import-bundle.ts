import { basename, join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { streamSha256 } from "../platform/stream-digest.ts";
import type { World } from "../platform/world.ts";
import { RELEASE_LIMITS, requireSpace } from "../release/limits.ts";
import type { Progress } from "../release/progress.ts";
import { type BundleDemands, believeBundle } from "./believe-bundle.ts";
import { bundleProgress } from "./bundle-progress.ts";
import { fileDigest } from "./file-digest.ts";
import { formatIndex, INDEX_FILE, type MirrorIndex, readIndex } from "./index-file.ts";
import { type BundledFile, refusedBundle } from "./manifest.ts";
import { mergeIndex } from "./merge-index.ts";
import { type Bundle, openBundle, type ProvenBundle } from "./read-bundle.ts";
import { lockTree } from "./tree-lock.ts";
import { type WritePart, writeWhole } from "./whole-file.ts";

export interface ImportRequest extends BundleDemands {
  /** The bundle. */
  from: string;
  /** The tree that it goes into; made when missing. */
  to: string;
}

export interface ImportedBundle {
  /** Of the whole bundle. */
  sha256: string;
  bytes: number;
  /** Files that were put into the tree; all others of the bundle were there already. */
  added: number;
  kept: number;
}

type ImportWorld = Pick<World, "localFiles" | "processes" | "clock" | "log" | "terminal" | "signal">;

/**
 * Puts the files of a bundle into the tree of a mirror. The bundle is read and believed as a whole before anything is written; then
 * each file comes into its place whole and with the right digest, and the index last. What is there already and right is
 * left alone, so that an import that was cut goes on where it was, and a second one changes nothing. A file that the index does not
 * name is never replaced, and an archive never gets another content. Fails with `E_MIRROR`, `E_SIGNATURE`, `E_NO_SPACE`, `E_IO`, `E_CANCELED`.
 */
export async function importBundle(world: ImportWorld, request: ImportRequest): Promise<ImportedBundle> {
  const { localFiles: files, clock, log } = world;
  const { from, to } = request;
  await using bundle = await openBundle(world, from);
  const proven = await provenWith(world, bundle, from);
  const believed = await believeBundle(files, { path: from, files: bundle.files, proven }, request);
  log.info("The bundle is whole.", { path: from, sha256: proven.sha256, files: bundle.files.length });

  using _ = await lockTree(world, to);
  const indexPath = join(to, INDEX_FILE);
  const index = readIndex(files, indexPath);
  const missing: BundledFile[] = [];
  for (const file of bundle.files) {
    if (!(await isThere(world, to, file, index))) missing.push(file);
  }
  const bytes = missing.reduce((sum, file) => sum + file.bytes, 0);
  requireSpace(files, to, bytes, RELEASE_LIMITS);
  const progress = bundleProgress(world, "Importing the bundle.");
  progress.start(basename(from), bytes);
  try {
    for (const file of checksumsLast(missing))
      await putInPlace(files, bundle, join(to, file.name), { from, file, progress });
  } finally {
    progress.end();
  }
  const merged = mergeIndex(index, bundle.files, believed, clock.now());
  if (merged !== index) files.writeFile(indexPath, formatIndex(merged));
  return {
    sha256: proven.sha256,
    bytes: bundle.bytes,
    added: missing.length,
    kept: bundle.files.length - missing.length,
  };
}

async function provenWith(world: ImportWorld, bundle: Bundle, from: string): Promise<ProvenBundle> {
  const progress = bundleProgress(world, "Checking the bundle.");
  progress.start(basename(from), bundle.bytes);
  try {
    return await bundle.prove((bytes) => progress.advance(bytes));
  } finally {
    progress.end();
  }
}

/** Whether the tree has this very file; fails with `E_MIRROR` when another one is in its place that must stay. */
async function isThere(
  { localFiles: files, signal }: ImportWorld,
  tree: string,
  { name, bytes, sha256 }: BundledFile,
  index: MirrorIndex | undefined,
): Promise<boolean> {
  const path = join(tree, name);
  const known = index?.files[name];
  if (known !== undefined && known.sha256 !== sha256 && isArchive(name)) {
    throw inTheWay(path, `is another archive, with the SHA-256 ${known.sha256} and not ${sha256}`);
  }
  const found = files.stat(path);
  if (found === undefined) return false;
  if (found.kind !== "file") throw inTheWay(path, "is no regular file");
  if (found.size === bytes && (await fileDigest(files, path, signal)) === sha256) return true;
  if (known === undefined) throw inTheWay(path, "is a file that the index does not name");
  return false;
}

/** A host that finds the checksum of a release finds the release and its signature too. */
function checksumsLast(files: readonly BundledFile[]): BundledFile[] {
  const isChecksum = ({ name }: BundledFile) => Number(name.endsWith(".sha256"));
  return files.toSorted((a, b) => isChecksum(a) - isChecksum(b));
}

async function putInPlace(
  files: Files,
  bundle: Bundle,
  path: string,
  { from, file, progress }: { from: string; file: BundledFile; progress: Progress },
): Promise<void> {
  const fill = async (write: WritePart) => {
    const digest = streamSha256();
    for await (const part of bundle.content(file)) {
      digest.update(part);
      await write(part);
      progress.advance(part.length);
    }
    // It was right a moment ago.
    if (digest.hex() !== file.sha256) throw refusedBundle(from, `\`${file.name}\` changed while it was read`);
  };
  await writeWhole(files, path, fill, file.modified === undefined ? undefined : new Date(file.modified));
}

/** What has its version in its name, and so never changes. */
function isArchive(name: string): boolean {
  return /-v?\d+\.\d+\.\d+.*\.(tar\.gz|pkg|zip)$/.test(name);
}

function inTheWay(path: string, what: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${path}\` ${what}, so nothing is imported`, {
    hint: "find out which of the two is right; move the one in the tree away, or import into an empty folder with `--to DIR`",
  });
}
