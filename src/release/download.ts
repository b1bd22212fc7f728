import { streamSha256 } from "#variant/stream-digest";
import { UpdateError } from "../platform/errors.ts";
import type { Progress } from "./progress.ts";
import type { SourceArchive } from "./source.ts";

export interface DownloadRequest {
  /** The file name of the archive. */
  name: string;
  /** Lower-case hex. */
  sha256: string;
  progress: Progress;
  /** Bytes that the archive may have; what no release reaches when absent. */
  limitBytes?: number;
}

/** A real one has 180 MB. Compressed data can go on for ever without unpacking to anything. */
const ARCHIVE_LIMIT = 1 << 30;

/**
 * The archive as it comes, unless it is announced as too large; ends without an error only when it has the digest that was
 * asked for. Fails with `E_DOWNLOAD`, with `E_CHECKSUM`, and with `E_CHANGED` in its place when the parts may be of two files.
 */
export function provenChunks(archive: SourceArchive, request: DownloadRequest): AsyncGenerator<Uint8Array> {
  refuseLength(archive.length, archive, request);
  return checkedChunks(archive, request);
}

async function* checkedChunks(archive: SourceArchive, request: DownloadRequest): AsyncGenerator<Uint8Array> {
  const { name, sha256, progress } = request;
  const digest = streamSha256();
  let received = 0;
  progress.start(name, archive.length);
  try {
    for await (const chunk of archive.chunks()) {
      await digest.update(chunk);
      received += chunk.length;
      refuseLength(received, archive, request);
      progress.advance(chunk.length);
      yield chunk;
    }
  } finally {
    progress.end();
  }
  const found = await digest.hex();
  if (found === sha256) return;
  const { place } = archive;
  if (archive.isPieced) {
    throw new UpdateError(
      "E_CHANGED",
      `\`${place}\` came in parts that together have the SHA-256 ${found}, and ${sha256} was published for it`,
      { hint: "it may have changed on the server, or places hold different files: run the command again" },
    );
  }
  throw new UpdateError("E_CHECKSUM", `\`${place}\` has the SHA-256 ${found}, and ${sha256} was published for it`, {
    hint: "the file is damaged there or on its way here, or somebody replaced it: fetch or copy it again, and do not install it by hand if this stays",
  });
}

/** An archive that is too large, announced or while it comes. */
function refuseLength(bytes = 0, { place }: SourceArchive, { limitBytes = ARCHIVE_LIMIT }: DownloadRequest): void {
  if (bytes <= limitBytes) return;
  throw new UpdateError("E_DOWNLOAD", `\`${place}\` is larger than ${limitBytes} bytes, and no release is`, {
    hint: "check the address, and what the server holds there",
  });
}
