import { constants, fstatSync, lstatSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { FILE_MODE } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import { partialName } from "./tree-files.ts";

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Takes the next bytes of a file. */
export type WritePart = (part: Uint8Array) => Promise<void>;

/**
 * Makes or replaces a large file, whole or not at all: `fill` writes it to `.<name>.partial` beside `path`, and only when
 * it returns is that synced and renamed. `modified` is the date that the file gets, now when absent. Fails with what `fill` fails with, and
 * then nothing is left; and with `E_LOCK_BUSY` when another run began to write the same file: the one that began last goes on.
 */
export async function writeWhole(
  files: Files,
  path: string,
  fill: (write: WritePart) => Promise<void>,
  modified?: Date,
): Promise<void> {
  const partial = join(dirname(path), partialName(basename(path)));
  // What a killed run left.
  files.removeFile(partial);
  const file = await attemptAsync("write", partial, () => openNew(files, path, partial));
  try {
    try {
      await fill((part) => attemptAsync("write", partial, () => writeAll(file, part)));
      if (modified !== undefined) await attemptAsync("date", partial, () => file.utimes(modified, modified));
      await attemptAsync("sync", partial, () => file.sync());
      placeOwn(files, path, { partial, file });
    } catch (error) {
      if (isAt(files, partial, file)) files.removeFile(partial);
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** Renames `partial` to `path` once it is the file that we wrote, under a name that nobody else has: else it may be another by then. */
function placeOwn(files: Files, path: string, { partial, file }: { partial: string; file: FileHandle }): void {
  const own = join(dirname(path), partialName(`${basename(path)}.${crypto.randomUUID()}`));
  if (isAt(files, partial, file)) files.rename(partial, own);
  if (isAt(files, own, file)) {
    files.rename(own, path);
    return;
  }
  files.removeFile(own);
  throw busy(path);
}

/** Never through what is there: it may be a link. */
async function openNew(files: Files, path: string, partial: string): Promise<FileHandle> {
  try {
    return await open(files.real(partial), NEW_FILE, FILE_MODE);
  } catch (error) {
    throw systemErrorCode(error) === "EEXIST" ? busy(path) : error;
  }
}

function busy(path: string): UpdateError {
  return new UpdateError("E_LOCK_BUSY", `another run writes \`${path}\` too`, {
    hint: "wait until it ends: the file is then its work; to have both, name two files",
  });
}

function isAt(files: Files, path: string, { fd }: FileHandle): boolean {
  const present = lstatSync(files.real(path), { bigint: true, throwIfNoEntry: false });
  const written = fstatSync(fd, { bigint: true });
  return present?.dev === written.dev && present.ino === written.ino;
}

async function writeAll(file: FileHandle, part: Uint8Array): Promise<void> {
  for (let at = 0; at < part.length; ) at += (await file.write(part, at)).bytesWritten;
}
