import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { damagedArchive } from "./archive-errors.ts";
import { entryPolicy } from "./entry-policy.ts";
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
  const sizes = new Sizes(limits);
  try {
    await pipeline(sizes.packed(chunks), createGunzip(INFLATING), (inflated: AsyncIterable<Uint8Array>) =>
      readTar(sizes.unpacked(inflated), (header) => {
        const placement = policy.judge(header);
        if ("place" in placement) {
          requireSpace(files, directory, header.size, limits);
          return into.open(placement.place, placement.mode);
        }
        if (placement.skip === "unknown folder") log.warn("A file of the archive was skipped.", { name: header.name });
        return undefined;
      }),
    );
  } catch (error) {
    throw systemErrorCode(error)?.startsWith("Z_") ? damagedArchive(describeGzipError(error), error) : error;
  }
  sizes.compareWithTrailer();
  policy.finish();
  await into.settled();
}

/** Counts both sides of the decompression. */
class Sizes {
  #packed = 0;
  #unpacked = 0;
  /** The last four bytes so far. At the end they are the size that the gzip trailer gives, modulo 2^32. */
  #trailer = new Uint8Array(4);

  constructor(private readonly limits: Limits) {}

  async *packed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#packed += chunk.length;
      this.#trailer = lastFour(this.#trailer, chunk);
      yield chunk;
    }
  }

  async *unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#unpacked += chunk.length;
      this.#check();
      yield chunk;
    }
  }

  /** gunzip goes on behind the first member and drops zeros at the end; both show in a trailer that is of something else. */
  compareWithTrailer(): void {
    const announced = new DataView(this.#trailer.buffer).getUint32(0, true);
    if (announced === this.#unpacked % 2 ** 32) return;
    throw damagedArchive("something follows where its compressed data ends");
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

function lastFour(before: Uint8Array, chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  if (chunk.length >= 4) return Uint8Array.from(chunk.subarray(-4));
  return Uint8Array.from([...before, ...chunk].slice(-4));
}

function describeGzipError(error: unknown): string {
  switch (systemErrorCode(error)) {
    case "Z_BUF_ERROR":
      return "it was cut short";
    default:
      return `it is not gzip, or not from start to end (${error instanceof Error ? error.message : String(error)})`;
  }
}
