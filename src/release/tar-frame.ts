import { damagedArchive, refusedEntry } from "./archive-errors.ts";

const BLOCK = 512;
/** Two blocks of zeros are the end of an archive. */
const END_LENGTH = 2 * BLOCK;
/** tar fills its last record up with zeros: 10 KiB by default, and nobody's record is longer than this. */
const FILLING_LIMIT = 1 << 20;
/** A name as long as a path may be, twice, and a few attributes. */
const EXTENDED_LIMIT = 16 << 10;
const NOTHING = new Uint8Array();

/**
 * What lies in an archive between its entries and behind the last. tar-stream takes a cut between two entries for the
 * end, goes on behind the end marker, where other readers stop, and takes in extended headers of any number, which belong
 * to no entry that could be judged. So we count along: everything that is not an entry must be short, and the end is
 * zeros to the last byte.
 */
export class TarFrame {
  #chunk: Uint8Array = NOTHING;
  #chunkStart = 0;
  /** Where the data of the last entry ends, padding included. */
  #entriesEnd = 0;
  #isEndReached = false;

  /** `chunk` is the next to be read. */
  enter(chunk: Uint8Array): void {
    this.#chunk = chunk;
  }

  /** An entry was found in the chunk; its data starts at `byteOffset` of the archive. Fails with `E_ARCHIVE` behind the end. */
  pass(header: { name: string; size: number; byteOffset: number }): void {
    this.#lookForEnd();
    if (this.#isEndReached) throw refusedEntry(header, "it comes after the archive's end, where other readers stop");
    if (header.byteOffset - BLOCK - this.#entriesEnd > EXTENDED_LIMIT) {
      throw refusedEntry(header, `its extended headers have more than ${EXTENDED_LIMIT} bytes`);
    }
    this.#entriesEnd = header.byteOffset + Math.ceil(header.size / BLOCK) * BLOCK;
  }

  /** The chunk was read, and every entry in it passed. Fails with `E_ARCHIVE` on what belongs to none. */
  leave(): void {
    this.checkEnd();
    const end = this.#chunkStart + this.#chunk.length;
    if (!this.#isEndReached && end - this.#entriesEnd > EXTENDED_LIMIT + BLOCK) {
      throw damagedArchive(`more than ${EXTENDED_LIMIT} bytes of extended headers belong to no entry`);
    }
    this.#chunkStart = end;
    this.#chunk = NOTHING;
  }

  /** Fails with `E_ARCHIVE` when the end was reached, and this chunk has something else behind it than a few zeros. */
  checkEnd(): void {
    this.#lookForEnd();
    if (!this.#isEndReached) return;
    const start = this.#entriesEnd - this.#chunkStart;
    if (this.#chunk.length - start > FILLING_LIMIT) {
      throw damagedArchive(`more than ${FILLING_LIMIT} bytes of nothing follow its end`);
    }
    if (this.#chunk.subarray(Math.max(0, start)).some((byte) => byte !== 0)) {
      throw damagedArchive("something follows its end, where other readers stop");
    }
  }

  /** Nothing more comes. Fails with `E_ARCHIVE` when the end marker is missing or cut. */
  finish(): void {
    if (this.#isEndReached && this.#chunkStart - this.#entriesEnd >= END_LENGTH) return;
    throw damagedArchive("it ends without an end marker, so it was cut short");
  }

  /** One byte tells: a header starts with a name. Only one chunk has it. */
  #lookForEnd(): void {
    if (this.#chunk[this.#entriesEnd - this.#chunkStart] === 0) this.#isEndReached = true;
  }
}
