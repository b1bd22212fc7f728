import { crc32 } from "node:zlib";
import { damagedArchive } from "./archive-errors.ts";

const TRAILER_LENGTH = 8;
const FIXED_LENGTH = 10;
/** The longest extra field, and more name and comment than anybody writes. */
const HEADER_LIMIT = 70_000;
const FLAG = { headerSum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };

/**
 * What gzip (RFC 1952) puts around compressed data: a header, and a trailer with sum and size of the content. Taken off by
 * hand, because the runtime's gunzip unpacks a second member behind the first and drops what starts with a zero there;
 * so an archive could hold what its digest covers, and no other reader sees.
 */
export class GzipFrame {
  #passed = 0;
  #sum = 0;
  #size = 0;
  #trailer: Uint8Array | undefined;

  /** The bare compressed data of the one member that `chunks` may hold. Fails with `E_ARCHIVE` when it is not framed. */
  async *compressed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let isHeaderRead = false;
    let held: Uint8Array = new Uint8Array();
    for await (const chunk of chunks) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (!isHeaderRead) {
        const length = headerLength(held);
        if (length === undefined) continue;
        isHeaderRead = true;
        held = held.subarray(length);
      }
      const end = held.length - TRAILER_LENGTH;
      if (end <= 0) continue;
      this.#passed += end;
      yield held.subarray(0, end);
      held = held.subarray(end);
    }
    if (!isHeaderRead || held.length < TRAILER_LENGTH) throw damagedArchive("it was cut short");
    this.#trailer = held;
  }

  /** To be told of all content, in order. */
  count(content: Uint8Array): void {
    this.#sum = crc32(content, this.#sum);
    this.#size += content.length;
  }

  /** Whether the data ended before its place did, when `consumed` bytes are all that was wanted of it. */
  isFollowed(consumed: number): boolean {
    return consumed !== this.#passed;
  }

  /** Fails with `E_ARCHIVE` unless the data was used up (`consumed` bytes of it) and the content is what the trailer says. */
  finish(consumed: number): void {
    if (this.#trailer === undefined || this.isFollowed(consumed)) throw followedBySomething();
    const trailer = new DataView(this.#trailer.buffer, this.#trailer.byteOffset);
    if (trailer.getUint32(0, true) !== this.#sum || trailer.getUint32(4, true) !== this.#size % 2 ** 32) {
      throw damagedArchive("its content is not what the end of the gzip file says");
    }
  }
}

/** A second gzip member, or garbage. */
export function followedBySomething(cause?: unknown): Error {
  return damagedArchive("a second gzip member, or something else, follows where its compressed data ends", cause);
}

/** Where the compressed data starts; undefined while the header is not here to its end. */
function headerLength(bytes: Uint8Array): number | undefined {
  if (!startsLikeGzip(bytes)) throw damagedArchive("it is not gzip");
  if (bytes.length < FIXED_LENGTH) return undefined;
  const flags = bytes[3] ?? 0;
  if ((flags & FLAG.reserved) !== 0) throw damagedArchive("its gzip header has flags that nobody knows");
  let at = FIXED_LENGTH;
  if (flags & FLAG.extra) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  for (const field of [FLAG.name, FLAG.comment]) {
    if (flags & field) at = endOfText(bytes, at);
  }
  if (flags & FLAG.headerSum) at += 2;
  if (at <= bytes.length) return at;
  if (bytes.length > HEADER_LIMIT) throw damagedArchive("its gzip header does not end");
  return undefined;
}

/** The magic number, and the only method there is. */
function startsLikeGzip(bytes: Uint8Array): boolean {
  return [0x1f, 0x8b, 8].every((byte, at) => at >= bytes.length || bytes[at] === byte);
}

/** Behind the zero that ends it; beyond all bytes while that is not here. */
function endOfText(bytes: Uint8Array, start: number): number {
  const zero = bytes.indexOf(0, start);
  return zero === -1 ? Number.POSITIVE_INFINITY : zero + 1;
}
