import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { shellWord } from "../platform/quote.ts";

/** How much one archive may ask of a host. A real release has a dozen programs of 800 MB together, some hundred examples, and a ratio of 4. */
export interface Limits {
  entries: number;
  /** Those of them that are unpacked: each one is synced to the disk. */
  files: number;
  /** Bytes of one file. */
  fileBytes: number;
  /** Unpacked bytes of the whole archive. */
  totalBytes: number;
  /** Unpacked bytes for each byte of the archive. */
  ratio: number;
  /** Bytes that stay free on the file system, whatever happens. */
  reserveBytes: number;
  /** Bytes that must be free before the first is written, for each byte of the archive. */
  spaceFactor: number;
}

export const RELEASE_LIMITS: Limits = {
  entries: 10_000,
  files: 1000,
  fileBytes: 4 * 2 ** 30,
  totalBytes: 8 * 2 ** 30,
  ratio: 200,
  reserveBytes: 200_000_000,
  spaceFactor: 5,
};

/** Fails with `E_NO_SPACE` unless `bytes` more fit below `path` and the reserve is left. */
export function requireSpace(files: Files, path: string, bytes: number, limits: Limits): void {
  const free = files.freeBytes(path);
  if (free >= bytes + limits.reserveBytes) return;
  // A server need not tell the size.
  const needed =
    bytes > 0
      ? `it needs ${bytes} bytes, ${limits.reserveBytes} more stay in reserve`
      : `${limits.reserveBytes} bytes stay in reserve`;
  throw new UpdateError(
    "E_NO_SPACE",
    `no free space left for the release in \`${path}\`: ${needed}, and ${free} are free`,
    {
      hint: `free some space on that file system (\`df -h ${shellWord(files.real(path))}\`) and run the command again`,
    },
  );
}
