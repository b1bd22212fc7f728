import type { Files } from "../platform/files.ts";
import { digestOf } from "../release/verify-version.ts";

/** Reads the regular file at `path`, which is no link: its digest in lower-case hex. Fails with `E_IO` and `E_CANCELED`. */
export function fileDigest(files: Files, path: string, signal: AbortSignal): Promise<string> {
  return digestOf(files.real(path), signal);
}
