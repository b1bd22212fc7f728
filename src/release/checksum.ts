import { join } from "node:path";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { HttpAnswer } from "../platform/http.ts";
import { quote } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";
import { checksumUrl } from "./address.ts";

/** The file that marks a version directory as whole: the archive's digest in 64 hex digits (installer-systemd §1.5, step 10). */
export const CHECKSUM_FILE = "sha256";

const REQUEST_LIMIT_MS = 30_000;
const SIZE_LIMIT = 4096;
const DIGEST_LENGTH = 64;

/**
 * Asks for the published SHA-256 of the archive at `archive`, in lower-case hex. Only the first 64 characters count, a file
 * name may follow. Fails with `E_CHECKSUM` when it is missing or malformed, and as `Http.get` does.
 */
export async function fetchChecksum(
  { http, signal }: Pick<World, "http" | "signal">,
  archive: string,
): Promise<string> {
  const url = checksumUrl(archive);
  const answer = await http.get(url, { timeoutMs: REQUEST_LIMIT_MS, signal });
  if (answer.status !== 200) {
    await answer.discard();
    throw unexpectedStatus(answer.status, url);
  }
  const text = await readStart(answer);
  const digest = text === undefined ? undefined : parseDigest(text);
  if (digest !== undefined) return digest;
  throw new UpdateError(
    "E_CHECKSUM",
    `\`${url}\` holds no checksum: it ${text === undefined ? `is larger than ${SIZE_LIMIT} bytes` : `starts with ${quote(text)}`}`,
    { hint: `look at it with \`curl ${url}\`; it must start with 64 hex digits, as \`sha256sum\` writes them` },
  );
}

/** The digest that a version directory was installed from; undefined when it says none, `damaged` when what it says is no digest. */
export function readStoredChecksum(files: Files, versionDirectory: string): string | "damaged" | undefined {
  try {
    const text = files.readText(join(versionDirectory, CHECKSUM_FILE), SIZE_LIMIT);
    return text === undefined ? undefined : (parseDigest(text) ?? "damaged");
  } catch (error) {
    if (isUpdateError(error, "E_UNREADABLE_FILE")) return "damaged";
    throw error;
  }
}

function parseDigest(text: string): string | undefined {
  const digest = text.slice(0, DIGEST_LENGTH).toLowerCase();
  return /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

/** The whole text, or undefined once it is too long: the page of a portal, not a checksum. */
async function readStart(answer: HttpAnswer): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body) {
    size += part.length;
    if (size > SIZE_LIMIT) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function unexpectedStatus(status: number, url: string): UpdateError {
  if (status === 404) {
    return new UpdateError("E_CHECKSUM", `checksum not found: \`${url}\` (HTTP 404)`, {
      hint: "check that this version exists in this edition and for this processor, and that a mirror also serves the `.sha256` files",
    });
  }
  return new UpdateError("E_CHECKSUM", `cannot fetch the checksum \`${url}\`: the server answered HTTP ${status}`, {
    hint: `look at the server's answer with \`curl -i ${url}\`, and run the command again`,
  });
}
