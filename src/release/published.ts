import { isUpdateError } from "../platform/errors.ts";
import { CHECKSUM_LIMIT, parseDigest } from "./checksum.ts";
import type { ReleaseSource, SourceText } from "./source.ts";

/**
 * When the archive `name` was published, by what its place says of this `checksum`. Some servers and stores never say: then by
 * the first of the other places that has the same one and says it. Undefined when none does; only an interrupt makes it fail.
 */
export async function publishedAt(
  source: ReleaseSource,
  name: string,
  checksum: SourceText,
): Promise<Date | undefined> {
  if (checksum.modified !== undefined) return checksum.modified;
  const file = `${name}.sha256`;
  const digest = parseDigest(checksum.text);
  try {
    return await source.inTurn?.(file, async (place) => {
      const other = place === checksum.giver ? undefined : await place.readText(file, CHECKSUM_LIMIT);
      return other !== undefined && parseDigest(other.text) === digest ? other.modified : undefined;
    });
  } catch (error) {
    if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
    return undefined;
  }
}
