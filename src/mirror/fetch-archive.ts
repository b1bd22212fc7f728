import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { streamSha256 } from "#variant/stream-digest";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import { FILE_MODE, type Files } from "../platform/files.ts";
import { isTrustedOwner, whyPlanted } from "../platform/ownership.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import type { World } from "../platform/world.ts";
import { provenChunks } from "../release/download.ts";
import { RELEASE_LIMITS, requireSpace } from "../release/limits.ts";
import type { Progress } from "../release/progress.ts";
import type { ReleaseSource, SourceArchive } from "../release/source.ts";
import { partialName } from "./tree-files.ts";

export interface FetchRequest {
  /** The tree. */
  directory: string;
  name: string;
  source: ReleaseSource;
  /** The digest that the archive must have, lower-case hex. */
  sha256: string;
  progress: Progress;
}

/** What came in this run, and where it came from; undefined when nothing was needed. */
export interface Fetched {
  bytes: number;
  place: string | undefined;
}

const NOTHING: Fetched = { bytes: 0, place: undefined };

type FetchWorld = Pick<World, "localFiles" | "log" | "signal">;

const KEPT_FILE = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Of a file that is not whole yet. */
const PRIVATE_MODE = 0o600;
const READ_BYTES = 1 << 20;
/** Written between two syncs, so that the last one is short; the free space is looked at again as often. */
const SYNC_BYTES = 32 << 20;

/**
 * Brings an archive into the tree under its name, whole and proven. What an earlier run left of it is read again and
 * continued; so is what this one leaves behind when the line breaks for good. Answers what came now. Fails as the
 * source does, with `E_CHECKSUM` and `E_CHANGED` (then nothing is left of it), `E_NO_SPACE`, `E_IO` and `E_CANCELED`.
 */
export async function fetchArchive(world: FetchWorld, request: FetchRequest): Promise<Fetched> {
  const { localFiles: files, log } = world;
  const partial = join(request.directory, partialName(request.name));
  const begun = await keptBytes(files, partial);
  try {
    const isWhole = begun > 0 && (await isProven(world, { partial, begun }, request));
    if (begun > 0) log.info("An interrupted download goes on.", { file: request.name, at: begun });
    const fetched = isWhole ? NOTHING : await fetchRest(world, request, { partial, begun });
    files.rename(partial, join(request.directory, request.name));
    return fetched;
  } catch (error) {
    // Its bytes are of another file: going on with them would fail for ever.
    if (isUpdateError(error, "E_CHECKSUM", "E_CHANGED")) files.removeFile(partial);
    throw error;
  }
}

/**
 * How much is there of an earlier run. What others may have written is none of it, nor is a file with a second name: it may be
 * anybody's, and what comes now would be written into it.
 */
async function keptBytes(files: Files, partial: string): Promise<number> {
  const found = files.stat(partial);
  if (found?.kind === "file" && isTrustedOwner(found.owner)) {
    await using file = await openPartial(files, partial, KEPT_FILE);
    const stats = await attemptAsync("look at", partial, () => file.stat());
    if (isOurs(stats) && stats.size > 0) return stats.size;
  }
  files.removeFile(partial);
  return 0;
}

/** Whether an earlier run brought all of it; then it is made as readable as one that was fetched now. */
async function isProven(
  { localFiles: files, signal }: FetchWorld,
  { partial, begun }: { partial: string; begun: number },
  { name, sha256 }: FetchRequest,
): Promise<boolean> {
  await using file = await openPartial(files, partial, KEPT_FILE);
  if (!isOurs(await attemptAsync("look at", partial, () => file.stat()))) return false;
  const digest = streamSha256();
  for await (const part of firstBytes(file, partial, begun)) {
    requireTime(signal, name);
    await digest.update(part);
  }
  if ((await digest.hex()) !== sha256) return false;
  await publish(file, partial);
  return true;
}

/** By its descriptor: the name may lead elsewhere by now, to what is not for everybody. */
async function publish(file: FileHandle, partial: string): Promise<void> {
  await attemptAsync("change the mode of", partial, () => file.chmod(FILE_MODE));
  await attemptAsync("sync", partial, () => file.sync());
}

function requireTime(signal: AbortSignal, name: string): void {
  if (signal.aborted) throw new UpdateError("E_CANCELED", `interrupted while fetching \`${name}\``);
}

function isOurs(stats: Stats): boolean {
  return whyPlanted(stats) === undefined && stats.nlink === 1;
}

function openPartial(files: Files, partial: string, flags: number): Promise<FileHandle> {
  return attemptAsync("open", partial, () => open(files.real(partial), flags, PRIVATE_MODE));
}

async function fetchRest(
  { localFiles: files, log, signal }: FetchWorld,
  request: FetchRequest,
  { partial, begun }: { partial: string; begun: number },
): Promise<Fetched> {
  const { directory, name, source } = request;
  const archive = await source.open(name, begun === 0 ? undefined : { received: begun, length: undefined });
  try {
    if (begun > 0 && archive.length !== undefined && begun >= archive.length) throw notOfIt(partial);
    requireSpace(files, directory, Math.max(0, (archive.length ?? 0) - begun), RELEASE_LIMITS);
    log.info("Fetching an archive.", { url: archive.place, size: archive.length });
    await using file = await openPartial(files, partial, begun === 0 ? NEW_FILE : KEPT_FILE);
    // Looked at again, open: the name may lead elsewhere by now.
    if (!isOurs(await attemptAsync("look at", partial, () => file.stat()))) throw notOfIt(partial);
    let end = begun;
    const kept = keepBytes(archive, { file, partial, begun }, (bytes, isSynced) => {
      requireTime(signal, name);
      if (isSynced) requireSpace(files, directory, 0, RELEASE_LIMITS);
      end = bytes;
    });
    const whole: SourceArchive = {
      length: archive.length,
      get place() {
        return archive.place;
      },
      get isPieced() {
        return archive.isPieced;
      },
      chunks: () => kept,
      discard: () => archive.discard(),
    };
    for await (const _ of provenChunks(whole, request));
    await publish(file, partial);
    return { bytes: end - begun, place: archive.place };
  } finally {
    await archive.discard();
  }
}

/** The whole archive, from its first byte on: what the file has of it, then what comes, once that is written behind it. */
async function* keepBytes(
  archive: SourceArchive,
  { file, partial, begun }: { file: FileHandle; partial: string; begun: number },
  onBytes: (end: number, isSynced: boolean) => void,
): AsyncGenerator<Uint8Array> {
  yield* firstBytes(file, partial, begun);
  let end = begun;
  let unsynced = 0;
  for await (const chunk of archive.chunks()) {
    await attemptAsync("write", partial, () => writeAt(file, chunk, end));
    end += chunk.length;
    unsynced += chunk.length;
    const isSynced = unsynced >= SYNC_BYTES;
    if (isSynced) {
      unsynced = 0;
      await attemptAsync("sync", partial, () => file.datasync());
    }
    onBytes(end, isSynced);
    yield chunk;
  }
}

async function* firstBytes(file: FileHandle, partial: string, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - at));
    const { bytesRead } = await attemptAsync("read", partial, () => file.read(buffer, 0, buffer.length, at));
    if (bytesRead === 0) throw notOfIt(partial);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

function notOfIt(partial: string): UpdateError {
  return new UpdateError("E_CHANGED", `\`${partial}\` is no part of the archive that is fetched`, {
    hint: "run the command again: it starts over",
  });
}
