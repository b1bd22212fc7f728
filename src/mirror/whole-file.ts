import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Files } from "../platform/files.ts";
import { FILE_MODE } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import { partialName } from "./tree-files.ts";

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Takes the next bytes of a file. */
export type WritePart = (part: Uint8Array) => Promise<void>;

/**
 * Makes or replaces a large file, whole or not at all: `fill` writes it to `.<name>.partial` beside `path`, and only when
 * it returns is that synced and renamed. `modified` is the date that the file gets, now when absent. Fails with what `fill` fails with, and then nothing is left.
 */
export async function writeWhole(
  files: Files,
  path: string,
  fill: (write: WritePart) => Promise<void>,
  modified?: Date,
): Promise<void> {
  const partial = join(dirname(path), partialName(basename(path)));
  // What a killed run left; never written through, as it may be a link.
  files.removeFile(partial);
  const file = await attemptAsync("write", partial, () => open(files.real(partial), NEW_FILE, FILE_MODE));
  try {
    try {
      await fill((part) => attemptAsync("write", partial, () => writeAll(file, part)));
      if (modified !== undefined) await attemptAsync("date", partial, () => file.utimes(modified, modified));
      await attemptAsync("sync", partial, () => file.sync());
    } finally {
      await file.close();
    }
    files.rename(partial, path);
  } catch (error) {
    files.removeFile(partial);
    throw error;
  }
}

async function writeAll(file: FileHandle, part: Uint8Array): Promise<void> {
  for (let at = 0; at < part.length; ) at += (await file.write(part, at)).bytesWritten;
}
