import { join } from "node:path";
import { isUpdateError, systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";
import { archiveFolder } from "./address.ts";
import { CHECKSUM_FILE } from "./checksum.ts";
import { startDownload } from "./download.ts";
import { type Limits, RELEASE_LIMITS, requireSpace } from "./limits.ts";
import type { Progress } from "./progress.ts";
import { type StagedFile, StagedFiles } from "./staged-files.ts";

export interface StageRequest {
  namespace: Namespace;
  revision: Revision;
  /** Of the archive. */
  url: string;
  /** The archive's digest, lower-case hex. */
  sha256: string;
  progress: Progress;
  limits?: Limits;
}

/** A whole release, proven by digest and on the disk for good, but not yet in its place. */
export interface Staged {
  /** To be moved into the store as it is. Its parent holds nothing else, and goes with `sweepStaging`. */
  directory: string;
  files: StagedFile[];
  sha256: string;
}

/** The digest of every file of a version, in the format of `sha256sum`, beside the archive's digest. */
const FILE_LIST = "files.sha256";

const STAGING_PREFIX = ".staging-";
const PRIVATE_MODE = 0o700;

/**
 * Brings a release from its address into a fresh directory of the namespace, in one pass and without a copy of the
 * archive. Nothing in it can be run before the digest was compared, and its `sha256` is written last of all. On any
 * failure the directory is gone again. Fails with `E_DOWNLOAD`, `E_CHECKSUM`, `E_ARCHIVE`, `E_NO_SPACE`, `E_IO`, and as
 * `Http.get` does (installer-systemd §1.5).
 */
export async function stageRelease(
  world: Pick<World, "files" | "http" | "log" | "clock" | "signal">,
  { namespace, revision, url, sha256, progress, limits = RELEASE_LIMITS }: StageRequest,
): Promise<Staged> {
  const { files, log, clock } = world;
  requireSpace(files, namespace.directory, 0, limits);
  const download = await startDownload(world, { url, sha256, progress });
  let staging: string | undefined;
  try {
    requireSpace(files, namespace.directory, (download.length ?? 0) * limits.spaceFactor, limits);
    if (download.length === undefined) log.warn("The server does not tell the size of the release.", { url });
    log.info("Downloading the release.", { url, size: download.length });
    const start = clock.now().getTime();
    staging = makeStaging(files, namespace);
    const directory = join(staging, "release");
    files.makeDirectory(directory);
    const written = await fill(world, directory, {
      chunks: download.chunks(),
      folder: archiveFolder(revision),
      limits,
    });
    files.writeFile(join(directory, FILE_LIST), digestList(written));
    files.writeFile(join(directory, CHECKSUM_FILE), sha256);
    log.info("The release is downloaded and unpacked.", {
      seconds: (clock.now().getTime() - start) / 1000,
      size: download.length,
    });
    return { directory, files: written, sha256 };
  } catch (error) {
    if (staging !== undefined) removeQuietly(world, staging);
    throw named(error, url);
  } finally {
    await download.discard();
  }
}

/** What is wrong with an archive says nothing to who does not know which one it was. */
function named(error: unknown, url: string): unknown {
  if (!isUpdateError(error, "E_ARCHIVE")) return error;
  return new UpdateError(error.code, `\`${url}\`: ${error.message}`, { hint: error.hint ?? "", cause: error });
}

/** Removes what runs left behind that were killed while staging; answers the directories. Needs the lock of the namespace. */
export function sweepStaging(files: Files, namespace: Namespace): string[] {
  const left = (files.list(namespace.directory) ?? [])
    .filter((name) => name.startsWith(STAGING_PREFIX))
    .map((name) => join(namespace.directory, name));
  for (const directory of left) files.removeTree(directory);
  return left;
}

async function fill(
  world: Pick<World, "files" | "log" | "signal">,
  directory: string,
  source: { chunks: AsyncIterable<Uint8Array>; folder: string; limits: Limits },
): Promise<StagedFile[]> {
  // tar-stream and zlib cost more start-up time than all the rest of this room, and most runs download nothing.
  const { unpack } = await import("./unpack.ts");
  const into = new StagedFiles(world.files, directory);
  try {
    await unpack(world, { ...source, into, directory });
    if (world.signal.aborted) throw new UpdateError("E_CANCELED", "interrupted while unpacking a release");
    into.seal();
    return into.files;
  } finally {
    await into.release();
  }
}

/** Never inside `versions/`, whose listing fails on any odd name; never one that is there already. */
function makeStaging(files: Files, namespace: Namespace): string {
  const path = join(namespace.directory, `${STAGING_PREFIX}${crypto.randomUUID()}`);
  files.makeDirectory(path, PRIVATE_MODE);
  return path;
}

function digestList(written: readonly StagedFile[]): string {
  const lines = written.map(({ path, sha256 }) => `${sha256}  ${path}\n`);
  return lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("");
}

/** What went wrong before is what the operator must hear of; a directory that stays is swept by the next run. */
function removeQuietly({ files, log }: Pick<World, "files" | "log">, staging: string): void {
  try {
    files.removeTree(staging);
  } catch (error) {
    log.warn("The staging directory cannot be removed.", {
      path: staging,
      error: systemErrorCode(error) ?? String(error),
    });
  }
}
