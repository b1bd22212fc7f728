import { join } from "node:path";
import { isUpdateError, systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";
import { archiveFolder } from "./address.ts";
import { CHECKSUM_FILE } from "./checksum.ts";
import { provenChunks } from "./download.ts";
import { type Limits, RELEASE_LIMITS, requireSpace } from "./limits.ts";
import type { Progress } from "./progress.ts";
import type { Proof } from "./proof.ts";
import { proofRecord } from "./proof-record.ts";
import { ProvenSource } from "./proven-source.ts";
import type { ReleaseSource } from "./source.ts";
import { type StagedFile, StagedFiles } from "./staged-files.ts";
import { FILE_LIST, PROOF_FILE } from "./version-files.ts";

export interface StageRequest {
  namespace: Namespace;
  revision: Revision;
  source: ReleaseSource;
  /** The file name of the archive. */
  name: string;
  /** What makes it believed, and the digest that it must have. */
  proof: Proof;
  progress: Progress;
  /** Frees what the release may need of the disk, once the archive is at hand: what goes for it must not go in vain. */
  makeRoom?: () => Promise<void>;
  limits?: Limits;
}

/** A whole release, proven by digest and on the disk for good, but not yet in its place. */
export interface Staged {
  /** To be moved into the store as it is. Its parent holds nothing else, and goes with `sweepStaging`. */
  directory: string;
  files: StagedFile[];
  sha256: string;
}

const STAGING_PREFIX = ".staging-";
const PRIVATE_MODE = 0o700;

/**
 * Brings a release from its address into a fresh directory of the namespace, in one pass and without a copy of the
 * archive. Nothing in it can be run before the digest was compared, and its `sha256` is written last of all. On any
 * failure the directory is gone again. Fails with `E_DOWNLOAD`, `E_CHECKSUM`, `E_ARCHIVE`, `E_NO_SPACE`, `E_IO`, and as
 * `Http.get` does (installer-systemd §1.5).
 */
export async function stageRelease(
  world: Pick<World, "files" | "log" | "clock" | "signal">,
  { namespace, revision, source, name, proof, progress, makeRoom, limits = RELEASE_LIMITS }: StageRequest,
): Promise<Staged> {
  const { files, log, clock } = world;
  const { sha256 } = proof;
  const archive = await source.open(name);
  let staging: string | undefined;
  try {
    const chunks = provenChunks(archive, { name, sha256, progress });
    await makeRoom?.();
    requireSpace(files, namespace.directory, (archive.length ?? 0) * limits.spaceFactor, limits);
    if (archive.length === undefined)
      log.warn("The server does not tell the size of the release.", { url: archive.place });
    log.info("Downloading the release.", { url: archive.place, size: archive.length });
    const startMs = clock.elapsedMs();
    staging = makeStaging(files, namespace);
    const directory = join(staging, "release");
    files.makeDirectory(directory);
    const written = await fill(world, directory, {
      source: new ProvenSource(chunks),
      folder: archiveFolder(revision),
      limits,
    });
    files.writeFile(join(directory, FILE_LIST), digestList(written));
    files.writeFile(join(directory, PROOF_FILE), proofRecord({ ...proof, place: archive.place }, clock.now()));
    files.writeFile(join(directory, CHECKSUM_FILE), sha256);
    log.info("The release is downloaded and unpacked.", {
      seconds: Math.round(clock.elapsedMs() - startMs) / 1000,
      size: archive.length,
    });
    return { directory, files: written, sha256 };
  } catch (error) {
    if (staging !== undefined) removeQuietly(world, staging);
    throw named(error, archive.place);
  } finally {
    await archive.discard();
  }
}

/** What is wrong with an archive says nothing to who does not know which one it was. */
function named(error: unknown, place: string): unknown {
  if (!isUpdateError(error, "E_ARCHIVE")) return error;
  return new UpdateError(error.code, `\`${place}\`: ${error.message}`, { hint: error.hint ?? "", cause: error });
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
  { source, ...shape }: { source: ProvenSource; folder: string; limits: Limits },
): Promise<StagedFile[]> {
  // tar-stream and zlib cost more start-up time than all the rest of this room, and most runs download nothing.
  const { unpack } = await import("./unpack.ts");
  const into = new StagedFiles(world.files, directory);
  try {
    await unpack(world, { ...shape, chunks: source.chunks(), into, directory });
    await source.finish();
    if (world.signal.aborted) throw new UpdateError("E_CANCELED", "interrupted while unpacking a release");
    into.seal();
    return into.files;
  } catch (error) {
    throw isUpdateError(error, "E_ARCHIVE") ? await blamed(error, source) : error;
  } finally {
    await into.release();
  }
}

/** An archive that cannot be unpacked is a bad release only if it is the one that was published; else it changed on its way. */
async function blamed(archiveError: UpdateError, source: ProvenSource): Promise<UpdateError> {
  try {
    await source.finish();
  } catch (error) {
    if (isUpdateError(error, "E_CANCELED")) return error;
    if (isUpdateError(error, "E_CHECKSUM", "E_CHANGED")) {
      return new UpdateError(error.code, error.message, { hint: error.hint ?? "", cause: archiveError });
    }
  }
  return archiveError;
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
