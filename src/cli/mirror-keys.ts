import { resolve } from "node:path";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { P256Key } from "../platform/p256.ts";
import { readTrustedKeys } from "../release/trusted-keys.ts";

/** The keys that `--trusted-key` of a mirror command names. Fails with `E_TRUSTED_KEY`. */
export async function readMirrorKeys(files: Files, given: readonly string[]): Promise<P256Key[]> {
  const paths = given.map((path) => resolve(path));
  try {
    return await readTrustedKeys(files, paths);
  } catch (error) {
    if (!isUpdateError(error, "E_TRUSTED_KEY")) throw error;
    // That of a host tells how to do without for good, and a mirror keeps no setting.
    const hint =
      "name a PEM file that only its owner may write (`-----BEGIN PUBLIC KEY-----`), as `mirror keygen` and `cosign public-key` write it";
    throw new UpdateError("E_TRUSTED_KEY", error.message, { hint, cause: error });
  }
}
