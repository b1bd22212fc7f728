import { type ErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";

const SIZE_LIMIT = 1 << 20;

/**
 * The text of a settings file of fewer than 1 MiB, or undefined when missing; whatever else is wrong fails with `code`.
 * `readOwn` is for a file that nobody but the updater makes.
 */
export function readSettingsText(
  files: Files,
  path: string,
  code: ErrorCode,
  read: "readText" | "readOwn" = "readText",
): string | undefined {
  try {
    return files[read](path, SIZE_LIMIT);
  } catch (error) {
    if (!(error instanceof UpdateError)) throw error;
    const { message, hint } = error;
    throw new UpdateError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}
