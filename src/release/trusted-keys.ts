import { TRUSTED_KEYS } from "../platform/build-info.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { P256Key } from "../platform/p256.ts";

const KEY_FILE_LIMIT = 1 << 16;
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/**
 * The public keys that releases may be signed with: those built in, and all in the PEM files at `paths`, each of which must
 * be there, of root, and writable by nobody else. Fails with `E_TRUSTED_KEY`: a key that cannot be read never counts as none.
 */
export async function readTrustedKeys(files: Files, paths: readonly string[]): Promise<P256Key[]> {
  if (TRUSTED_KEYS === "" && paths.length === 0) return [];
  const { parseP256Key } = await import("#variant/p256");
  const read = (text: string, place: string) => {
    const blocks = [...text.matchAll(PEM_BLOCK)];
    if (blocks.length === 0) throw keyError(`\`${place}\` holds no key in PEM form`);
    return blocks.map(([block, label]) => {
      const key = label === "PUBLIC KEY" ? parseP256Key(block) : undefined;
      if (key === undefined)
        throw keyError(
          `\`${place}\` holds a ${label?.toLowerCase()} of another kind: an ECDSA public key on P-256 is needed`,
        );
      return key;
    });
  };
  const given = paths.flatMap((path) => read(readKeyFile(files, path), path));
  return TRUSTED_KEYS === "" ? given : [...read(TRUSTED_KEYS, "the keys built in"), ...given];
}

function readKeyFile(files: Files, path: string): string {
  try {
    const text = files.readOwnFollowed(path, KEY_FILE_LIMIT);
    if (text !== undefined) return text;
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    const closing = `compare it with the key that its publisher shows, then \`chown root:root ${path}; chmod go-w ${path}\``;
    const hint = error.code === "E_PATH" ? (error.hint ?? "") : closing;
    throw new UpdateError("E_TRUSTED_KEY", error.message, { hint, cause: error });
  }
  throw keyError(`the trusted key \`${path}\` does not exist`);
}

function keyError(message: string): UpdateError {
  return new UpdateError("E_TRUSTED_KEY", message, {
    hint: "restore the file, or name a PEM file (`-----BEGIN PUBLIC KEY-----`, as `cosign public-key` writes it) with `--trusted-key FILE`; only `--trusted-key default` does without, and gives the protection up",
  });
}
