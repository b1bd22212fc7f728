import { UpdateError } from "../platform/errors.ts";
import { quote } from "../platform/quote.ts";

/** The archive holds what no release holds: names the entry and the lie that it tells. */
export function refusedEntry({ name }: { name: string }, reason: string): UpdateError {
  return new UpdateError("E_ARCHIVE", `the archive's entry ${quote(name)} is refused: ${reason}`, {
    hint: "this is no release as published: do not install it, and tell whoever runs the server that it comes from",
  });
}

/** The archive cannot be read to its end. */
export function damagedArchive(reason: string, cause?: unknown): UpdateError {
  return new UpdateError("E_ARCHIVE", `the archive is damaged: ${reason}`, {
    hint: "run the command again; if it fails the same way, compare the file on the server with its `.sha256`",
    cause,
  });
}
