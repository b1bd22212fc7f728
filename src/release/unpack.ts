import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";
import { systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { damagedArchive } from "./archive-errors.ts";
import { entryPolicy } from "./entry-policy.ts";
import { followedBySomething, GzipFrame } from "./gzip-frame.ts";
import { type Limits, requireSpace } from "./limits.ts";
import type { StagedFiles } from "./staged-files.ts";
import { readTar } from "./untar.ts";

export interface UnpackRequest {
  /** The archive; what it throws is what unpacking fails with. */
  chunks: AsyncIterable<Uint8Array>;
  /** The top folder of the archive. */
  folder: string;
  into: StagedFiles;
  /** Where the space is counted. */
  directory: string;
  limits: Limits;
}

/**
 * Inflating runs in the thread pool. Large parts mean few turns between it and us (measured: 64 KiB costs 30 %), and two
 * of them ahead keep it busy while we write and digest one.
 */
const INFLATING = { chunkSize: 512 << 10, highWaterMark: 1 << 20 };
/** Below this an archive may well be nothing but the zeros that tar fills up with. */
const RATIO_MATTERS_FROM = 16 << 20;
/** An archive must not fill the journal either. */
const SKIPPED_TOLD = 10;

/**
 * Unpacks a release in one pass, as it comes, without ever holding more than a few parts of it. Fails with `E_ARCHIVE`,
 * `E_NO_SPACE`, `E_IO` or what `chunks` throws; then the files written so far are worth nothing, and those that are
 * still open are left to `into.release`.
 */
export async function unpack(
  { files, log }: { files: Files; log: Log },
  { chunks, folder, into, directory, limits }: UnpackRequest,
): Promise<void> {
  const policy = entryPolicy(folder, limits);
  const frame = new GzipFrame();
  const sizes = new Sizes(limits);
  const inflater = createInflateRaw(INFLATING);
  let skipped = 0;
  try {
    await pipeline(frame.compressed(sizes.packed(chunks)), inflater, (inflated: AsyncIterable<Uint8Array>) =>
      readTar(sizes.unpacked(inflated, frame), (header) => {
        const placement = policy.judge(header);
        if ("place" in placement) {
          requireSpace(files, directory, header.size, limits);
          return into.open(placement.place, placement.mode);
        }
        if (placement.skip === "unknown folder") {
          skipped += 1;
          if (skipped <= SKIPPED_TOLD) log.warn("A file of the archive was skipped.", { name: header.name });
        }
        return undefined;
      }),
    );
  } catch (error) {
    throw inflater.readableEnded && frame.isFollowed(inflater.bytesWritten)
      ? followedBySomething(error)
      : explained(error);
  }
  frame.finish(inflater.bytesWritten);
  policy.finish();
  if (skipped > SKIPPED_TOLD) log.warn("More files of the archive were skipped.", { count: skipped - SKIPPED_TOLD });
  await into.settled();
}

/** Counts both sides of the decompression, and ends it when they leave what is allowed. */
class Sizes {
  #packed = 0;
  #unpacked = 0;

  constructor(private readonly limits: Limits) {}

  async *packed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#packed += chunk.length;
      yield chunk;
    }
  }

  async *unpacked(chunks: AsyncIterable<Uint8Array>, frame: GzipFrame): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#unpacked += chunk.length;
      this.#check();
      frame.count(chunk);
      yield chunk;
    }
  }

  #check(): void {
    const { totalBytes, ratio } = this.limits;
    if (this.#unpacked > totalBytes) {
      throw new UpdateError("E_ARCHIVE", `the archive unpacks to more than ${totalBytes} bytes`, { hint: BOMB });
    }
    if (this.#unpacked > RATIO_MATTERS_FROM && this.#unpacked > this.#packed * ratio) {
      throw new UpdateError("E_ARCHIVE", `the archive unpacks to more than ${ratio} times its size`, { hint: BOMB });
    }
  }
}

const BOMB = "no release is like that: do not install it, and tell whoever runs the server that it comes from";

/** What the decompression says, in words of archives; any other failure as it is. */
function explained(error: unknown): unknown {
  switch (systemErrorCode(error)) {
    case "Z_BUF_ERROR":
      return damagedArchive("it was cut short", error);
    case "Z_DATA_ERROR":
      return damagedArchive(
        `its compressed data is broken (${error instanceof Error ? error.message : String(error)})`,
        error,
      );
    // The inflater was through before its input was.
    case "ABORT_ERR":
    case "ERR_STREAM_PREMATURE_CLOSE":
      return followedBySomething(error);
    default:
      return error;
  }
}
