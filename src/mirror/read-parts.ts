import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";

const PART_BYTES = 512 << 10;

/** A large file that is read in parts; it goes on with what it was when it was opened. */
export interface PartedFile extends AsyncDisposable {
  readonly bytes: number;
  /**
   * So many bytes from `start` on, fewer only when the file ends. A part is good until the next one is asked for. An interrupt
   * fails with `E_CANCELED`.
   */
  parts(start: number, length: number, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** Opens a regular file; undefined when there is none. Nothing blocks; with `nofollow` a link is refused. */
export async function openParted(
  files: Files,
  path: string,
  links: "follow" | "nofollow",
): Promise<PartedFile | undefined> {
  const found = links === "follow" ? files.statFollowed(path) : files.stat(path);
  if (found?.kind !== "file") return undefined;
  const at = links === "follow" ? files.realFollowed(path) : files.real(path);
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await attemptAsync("open", path, () => open(at, flags));
  const { size } = await attemptAsync("look at", path, () => file.stat());
  return {
    bytes: size,
    parts: (start, length, signal) => partsOf(file, path, { start, end: start + length }, signal),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function* partsOf(
  file: FileHandle,
  path: string,
  { start, end }: { start: number; end: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // One for all parts: thrown away by the hundred they would stay in memory for a while.
  const buffer = Buffer.allocUnsafe(Math.min(PART_BYTES, end - start));
  for (let at = start; at < end; ) {
    if (signal.aborted) throw new UpdateError("E_CANCELED", `interrupted while reading \`${path}\``);
    const { bytesRead } = await attemptAsync("read", path, () =>
      file.read(buffer, 0, Math.min(buffer.length, end - at), at),
    );
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
