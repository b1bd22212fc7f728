import { type ErrorCode, isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import { CHECKSUM_LIMIT } from "./checksum.ts";
import { SIGNATURE_LIMIT } from "./signature.ts";
import type { ReleaseSource, SourceText } from "./source.ts";

/** What lies beside an archive so that it is believed, by one and the same place. */
export interface Beside {
  checksum: SourceText;
  /** Undefined when the place has none, or none is asked for. */
  signature: SourceText | undefined;
}

/**
 * The checksum, and the signature where it is `isSigned`, by the first place that has a checksum and fails in neither: what two
 * places say may be about two files. Undefined when none has a checksum. Fails with `E_CHECKSUM` or `E_SIGNATURE`, and as the
 * source does.
 */
export async function readTogether(
  source: ReleaseSource,
  name: string,
  isSigned: boolean,
): Promise<Beside | undefined> {
  const read = async (place: ReleaseSource) => {
    const checksum = await readChecksum(place, name);
    return checksum && { checksum, signature: isSigned ? await readSignature(place, name) : undefined };
  };
  return asProof("E_CHECKSUM", () => source.inTurn?.(`${name}.sha256`, read) ?? read(source));
}

/** The checksum where none is needed: one that cannot be read counts as none. Only an interrupt makes it fail. */
export async function readSpareChecksum(
  source: ReleaseSource,
  name: string,
  log: Log,
): Promise<SourceText | undefined> {
  try {
    return await readChecksum(source, name);
  } catch (error) {
    if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
    log.warn("The checksum cannot be read, the pinned digest counts alone.", { file: name, error: error.message });
    return undefined;
  }
}

/** The signature by the first place that has one. Fails with `E_SIGNATURE`, and as the source does. */
export async function readSignature(source: ReleaseSource, name: string): Promise<SourceText | undefined> {
  return asProof("E_SIGNATURE", () => source.readText(`${name}.sig`, SIGNATURE_LIMIT));
}

function readChecksum(source: ReleaseSource, name: string): Promise<SourceText | undefined> {
  return source.readText(`${name}.sha256`, CHECKSUM_LIMIT);
}

/** What is wrong with a file that belongs to the proof is a matter of the proof. */
async function asProof<T>(code: ErrorCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUpdateError(error, "E_DOWNLOAD", "E_UNREADABLE_FILE")) throw error;
    throw new UpdateError(code, error.message, { hint: error.hint ?? "", cause: error });
  }
}
