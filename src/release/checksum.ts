import { join } from "node:path";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";

/** The file that marks a version directory as whole: the archive's digest in 64 hex digits (installer-systemd §1.5, step 10). */
export const CHECKSUM_FILE = "sha256";

/** Bytes of a checksum file: a digest, and perhaps a file name. */
export const CHECKSUM_LIMIT = 4096;
const DIGEST_LENGTH = 64;

/** The digest in front of a text, as `sha256sum` writes it, in lower-case hex; undefined for any other text. */
export function parseDigest(text: string): string | undefined {
  const digest = text.slice(0, DIGEST_LENGTH).toLowerCase();
  return /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

/** For a text that stands where a checksum must be. */
export function unreadableChecksum(place: string, text: string): UpdateError {
  return new UpdateError("E_CHECKSUM", `\`${place}\` holds no checksum: it starts with ${quote(text)}`, {
    hint: "look at it; it must start with 64 hex digits, as `sha256sum` writes them",
  });
}

/** The digest that a version directory was installed from; undefined when it says none, `damaged` when what it says is no digest. */
export function readStoredChecksum(files: Files, versionDirectory: string): string | "damaged" | undefined {
  try {
    const text = files.readText(join(versionDirectory, CHECKSUM_FILE), CHECKSUM_LIMIT);
    return text === undefined ? undefined : (parseDigest(text) ?? "damaged");
  } catch (error) {
    if (isUpdateError(error, "E_UNREADABLE_FILE")) return "damaged";
    throw error;
  }
}
