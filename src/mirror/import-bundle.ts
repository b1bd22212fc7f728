import { basename, join } from "node:path";
import { streamSha256 } from "#variant/stream-digest";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { RELEASE_LIMITS, requireSpace } from "../release/limits.ts";
import type { Progress } from "../release/progress.ts";
import { isArchive, provenBy } from "./archive-names.ts";
import { type BundleDemands, believeBundle } from "./believe-bundle.ts";
import { bundleProgress } from "./bundle-progress.ts";
import { fileDigest } from "./file-digest.ts";
import { formatIndex, INDEX_FILE, type MirrorFile, readIndex } from "./index-file.ts";
import { type BundledFile, refusedBundle } from "./manifest.ts";
import { mergeIndex } from "./merge-index.ts";
import { type Bundle, openBundle, type ProvenBundle } from "./read-bundle.ts";
import { lockTree } from "./tree-lock.ts";
import { INSTALL_SCRIPT } from "./updater-names.ts";
import { type WritePart, writeWhole } from "./whole-file.ts";

export interface ImportRequest extends BundleDemands {
  /** The bundle. */
  from: string;
  /** The tree that it goes into; made when missing. */
  to: string;
  /** The bundle's signature of an archive takes the place of another one in the tree. */
  replaceSignatures: boolean;
}

export interface ImportedBundle {
  /** Of the whole bundle. */
  sha256: string;
  bytes: number;
  /** Files that were put into the tree; all others of the bundle were there already. */
  added: number;
  kept: number;
}

type ImportWorld = Pick<World, "localFiles" | "processes" | "sudoUser" | "clock" | "log" | "terminal" | "signal">;

/**
 * Puts the files of a bundle into the tree of a mirror. The bundle is read and believed as a whole before anything is written; then
 * each file comes into its place whole and with the right digest, and the index last. What is there already and right is
 * left alone, so that an import that was cut goes on where it was, and a second one changes nothing. A file that the index does not
 * name is never replaced, an archive never gets another content, and a signature is replaced
 * by another only when that is wanted. Fails with `E_MIRROR`, `E_SIGNATURE`, `E_NO_SPACE`, `E_IO`, `E_CANCELED`.
 */
export async function importBundle(world: ImportWorld, request: ImportRequest): Promise<ImportedBundle> {
  const { localFiles: files, clock, log } = world;
  const { from, to } = request;
  await using bundle = await openBundle(world, from);
  const proven = await provenWith(world, bundle, from);
  const believed = await believeBundle(files, { path: from, files: bundle.files, proven }, request);
  if (request.digest === "" && request.keys.length === 0) {
    log.warn("The bundle may be anybody's: neither a digest nor a key was asked for.", {
      path: from,
      hint: "compare its digest with the one that `mirror bundle` printed: `--digest SHA256`, or `--trusted-key FILE`",
    });
  }
  log.info("The bundle is whole.", { path: from, sha256: proven.sha256, files: bundle.files.length });

  using _ = await lockTree(world, to);
  const indexPath = join(to, INDEX_FILE);
  const index = readIndex(files, indexPath);
  const missing: BundledFile[] = [];
  const foreign = new Set<string>();
  // A bundle may have names such as `constructor`, which every object knows.
  const known = new Map(Object.entries(index?.files ?? {}));
  for (const file of bundle.files) {
    if (!(await isThere(world, request, file, known.get(file.name)))) missing.push(file);
    else if (!known.has(file.name) && !isOfMirror(file.name)) foreign.add(file.name);
  }
  const bytes = missing.reduce((sum, file) => sum + file.bytes, 0);
  requireSpace(files, to, bytes, RELEASE_LIMITS);
  const progress = bundleProgress(world, "Importing the bundle.");
  progress.start(basename(from), bytes);
  try {
    for (const file of inOrder(missing)) {
      const modified = believed.isWhole ? file.modified : undefined;
      await putInPlace(files, bundle, join(to, file.name), { from, file, modified, progress });
    }
  } finally {
    progress.end();
  }
  const own = bundle.files.filter(({ name }) => !foreign.has(name));
  const merged = mergeIndex(index, own, believed.of, clock.now());
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
  { to, replaceSignatures }: ImportRequest,
  { name, bytes, sha256 }: BundledFile,
  known: MirrorFile | undefined,
): Promise<boolean> {
  const path = join(to, name);
  if (known !== undefined && known.sha256 !== sha256 && isArchive(name)) {
    throw inTheWay(path, `is another archive, with the SHA-256 ${known.sha256} and not ${sha256}`);
  }
  const found = files.stat(path);
  if (found === undefined) return false;
  if (found.kind !== "file") throw inTheWay(path, "is no regular file");
  const digest = await fileDigest(files, path, signal);
  if (found.size === bytes && digest === sha256) return true;
  if (known === undefined) throw inTheWay(path, "is a file that the index does not name");
  if (isOfArchive(name) && digest === known.sha256 && !replaceSignatures) throw otherSignature(path);
  return false;
}

/**
 * A host that finds the checksum of a release finds the release and its signature too, and one that gets the install script the
 * tarballs that it names.
 */
function inOrder(files: readonly BundledFile[]): BundledFile[] {
  const turn = ({ name }: BundledFile) =>
    (name.startsWith(INSTALL_SCRIPT) ? 2 : 0) + (name.endsWith(".sha256") ? 1 : 0);
  return files.toSorted((a, b) => turn(a) - turn(b));
}

async function putInPlace(
  files: Files,
  bundle: Bundle,
  path: string,
  {
    from,
    file,
    modified,
    progress,
  }: { from: string; file: BundledFile; modified: string | undefined; progress: Progress },
): Promise<void> {
  const fill = async (write: WritePart) => {
    const digest = streamSha256();
    for await (const part of bundle.content(file)) {
      await digest.update(part);
      await write(part);
      progress.advance(part.length);
    }
    // It was right a moment ago.
    if ((await digest.hex()) !== file.sha256) throw refusedBundle(from, `\`${file.name}\` changed while it was read`);
  };
  await writeWhole(files, path, fill, modified === undefined ? undefined : new Date(modified));
}

/**
 * What was not brought here by us is taken for ours only by such a name: an import that was killed may have left it. Any other file of
 * the same content stays its owner's, so that no later run replaces it.
 */
function isOfMirror(name: string): boolean {
  const file = provenBy(name);
  return isArchive(file) || file === INSTALL_SCRIPT;
}

/** The signature of what never changes. */
function isOfArchive(name: string): boolean {
  return name.endsWith(".sig") && isArchive(provenBy(name));
}

function otherSignature(path: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${path}\` is another signature than the bundle has, so nothing is imported`, {
    hint: "hosts may trust the key of the one that is there: find out which they need, and take the bundle's with `--replace-signatures`",
  });
}

function inTheWay(path: string, what: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${path}\` ${what}, so nothing is imported`, {
    hint: "find out which of the two is right; move the one in the tree away, or import into an empty folder with `--to DIR`",
  });
}
