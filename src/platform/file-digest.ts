import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { UpdateError } from "./errors.ts";
import { attemptAsync } from "./path-errors.ts";
import { streamSha256 } from "./stream-digest.ts";

const READ_BYTES = 1 << 20;
/** No link is followed, and nothing that was put in place of a file holds us up. */
export const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The SHA-256 of each of the regular files at `paths` of this machine, in lower-case hex; no link is followed. Fails with
 * `E_CANCELED`, else as `attempt` does.
 */
export async function digestFiles(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const buffer = Buffer.alloc(READ_BYTES);
  const digests: string[] = [];
  for (const path of paths) digests.push(await attemptAsync("read", path, () => digestFile(path, buffer, signal)));
  return digests;
}

async function digestFile(path: string, buffer: Buffer, signal: AbortSignal): Promise<string> {
  const digest = streamSha256();
  const file = await open(path, OPEN_FLAGS);
  try {
    for (;;) {
      refuseInterrupted(path, signal);
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
      if (bytesRead === 0) return await digest.hex();
      await digest.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

export function refuseInterrupted(path: string, signal: AbortSignal): void {
  if (signal.aborted) throw new UpdateError("E_CANCELED", `interrupted while reading \`${path}\``);
}
