import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { streamSha256 } from "#variant/stream-digest";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import type { World } from "../platform/world.ts";
import { RELEASE_LIMITS, requireSpace } from "../release/limits.ts";
import { BUNDLE_END, headOf, layOut, paddingOf } from "./bundle-frame.ts";
import { requireBundlePlace } from "./bundle-place.ts";
import { bundleProgress } from "./bundle-progress.ts";
import { chooseFiles } from "./choose-files.ts";
import { INDEX_FILE, readIndex } from "./index-file.ts";
import {
  type BundledFile,
  formatManifest,
  MANIFEST_FILE,
  MANIFEST_LIMIT,
  manifestOf,
  parseManifest,
} from "./manifest.ts";
import { openParted } from "./read-parts.ts";
import { type WritePart, writeWhole } from "./whole-file.ts";

export interface BundleRequest {
  /** The tree of a mirror. */
  tree: string;
  /** The bundle that is made or replaced. */
  to: string;
  /** As `chooseFiles` takes them; all of the tree when there is none. */
  versions: readonly string[];
  /** Makes the text of a signature of a file with this digest. */
  sign?: ((sha256: string) => string) | undefined;
}

export interface WrittenBundle {
  /** Of the whole bundle: what is read over the phone. */
  sha256: string;
  bytes: number;
  files: number;
}

type BundleWorld = Pick<World, "localFiles" | "log" | "terminal" | "signal">;

/** Beside a bundle: its signature, in the form of those of releases. */
export const SIGNATURE_SUFFIX = ".sig";

/**
 * Writes a mirror, or some of its versions, into one file that `importBundle` reads. Each file is compared with the index while it
 * is read: one that is missing or was changed ends it, and then no bundle is left. The same files make the same bundle.
 * Fails with `E_MIRROR`, `E_NO_SPACE`, `E_IO`, `E_CANCELED`, and with `E_PATH` for a place in the mirror itself.
 */
export async function writeBundle(
  world: BundleWorld,
  { tree, to, versions, sign }: BundleRequest,
): Promise<WrittenBundle> {
  const { localFiles: files } = world;
  requireBundlePlace(files, tree, to);
  const chosen = await chosenFiles(files, tree, versions);
  const manifest = manifestFor(tree, chosen);
  const { length } = layOut(manifest.length, chosen);
  requireSpace(files, dirname(to), length, RELEASE_LIMITS);

  const progress = bundleProgress(world, "Writing the bundle.");
  const digest = streamSha256();
  progress.start(basename(to), length);
  try {
    await writeWhole(files, to, async (write) => {
      const put: WritePart = async (part) => {
        await digest.update(part);
        await write(part);
        progress.advance(part.length);
      };
      await put(headOf(MANIFEST_FILE, manifest.length));
      await put(manifest);
      await put(paddingOf(manifest.length));
      for (const file of chosen) await putFile(world, tree, file, put);
      await put(BUNDLE_END);
    });
  } finally {
    progress.end();
  }
  const sha256 = await digest.hex();
  // One of an earlier bundle would be wrong.
  files.removeFile(`${to}${SIGNATURE_SUFFIX}`);
  if (sign !== undefined) files.writeFile(`${to}${SIGNATURE_SUFFIX}`, sign(sha256));
  return { sha256, bytes: length, files: chosen.length };
}

/** What no reader would take is not written: an import has its limits, and an index may hold what is beyond them. */
function manifestFor(tree: string, files: readonly BundledFile[]): Buffer {
  const manifest = Buffer.from(formatManifest(manifestOf(files)));
  if (manifest.length > MANIFEST_LIMIT) throw notBundled(tree, `its list has more than ${MANIFEST_LIMIT} bytes`);
  parseManifest(manifest.toString(), (reason) => notBundled(tree, reason));
  return manifest;
}

function notBundled(tree: string, reason: string): UpdateError {
  return new UpdateError("E_MIRROR", `no bundle can be made of \`${tree}\`: ${reason}`, {
    hint: "take fewer versions with `--version`, or mend what the index says of that file: with its lines removed, `mirror build` or `mirror import` brings it anew",
  });
}

async function chosenFiles(files: Files, tree: string, versions: readonly string[]): Promise<BundledFile[]> {
  const path = join(tree, INDEX_FILE);
  const index = readIndex(files, path);
  if (index === undefined) {
    throw new UpdateError("E_MIRROR", `\`${tree}\` is no mirror: there is no \`${path}\``, {
      hint: "name the folder of a mirror with `--at DIR`, or make one with `mirror build`",
    });
  }
  if (Object.keys(index.files).length === 0) {
    throw new UpdateError("E_MIRROR", `the mirror \`${tree}\` holds nothing that could be carried`, {
      hint: "bring releases into it with `mirror build`",
    });
  }
  const chosen = chooseFiles(index, tree, versions).map((file) => dated(files, tree, file));
  return manifestOf(await Promise.all(chosen)).files;
}

/** A checksum with the date at which it was published, which a mirror keeps. */
async function dated(files: Files, tree: string, file: BundledFile): Promise<BundledFile> {
  const path = join(tree, file.name);
  if (!file.name.endsWith(".sha256") || files.stat(path) === undefined) return file;
  const { mtime } = await attemptAsync("look at", path, () => stat(files.real(path)));
  return { ...file, modified: mtime.toISOString() };
}

async function putFile(
  { localFiles: files, signal }: BundleWorld,
  tree: string,
  { name, bytes, sha256 }: BundledFile,
  put: WritePart,
): Promise<void> {
  const path = join(tree, name);
  await using file = await openParted(files, path, "nofollow");
  if (file === undefined) throw otherThanListed(path, "is missing, or no regular file");
  if (file.bytes !== bytes) throw otherThanListed(path, `has ${file.bytes} bytes, and the index says ${bytes}`);
  await put(headOf(name, bytes));
  const digest = streamSha256();
  let length = 0;
  for await (const part of file.parts(0, bytes, signal)) {
    await digest.update(part);
    length += part.length;
    await put(part);
  }
  const found = await digest.hex();
  if (length !== bytes || found !== sha256) {
    throw otherThanListed(path, `has the SHA-256 ${found}, and the index says ${sha256}`);
  }
  await put(paddingOf(bytes));
}

function otherThanListed(path: string, what: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${path}\` ${what}`, {
    hint: `see what else is wrong with \`teleport-update mirror verify --at ${dirname(path)}\`, and mend it with \`mirror build\``,
  });
}
