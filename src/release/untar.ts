import { extract, type Header } from "tar-stream";
import { damagedArchive, refusedEntry } from "./archive-errors.ts";

/** A header as tar-stream gives it: name and size are final, after all extended headers. */
export interface TarHeader {
  name: string;
  /** Null for a type that tar-stream does not know. */
  type: Header["type"] | null;
  size: number;
  mode: number;
  /** Extended attributes as the archive gives them. */
  pax: Record<string, string> | null;
}

/** Takes the bytes of one entry. What it throws ends the reading. */
export interface EntrySink {
  write(part: Uint8Array): void;
  end(): void;
}

const BLOCK = 512;
/** So that each write is answered only once it is worked off: `EndMarker` relies on it. */
const LOCK_STEP = { highWaterMark: 1 };

/**
 * Reads a tar archive; `open` decides about each entry, and undefined passes over it. Ends when every entry was handed
 * on whole and the archive's end marker was seen, with nothing after it. Fails with what `chunks`, `open` or a sink
 * throws, or with `E_ARCHIVE`. tar-stream alone is too lax for that: it takes a cut between two entries for the end, goes
 * on behind the end marker, and never ends after an exception in a listener.
 */
export async function readTar(
  chunks: AsyncIterable<Uint8Array>,
  open: (header: TarHeader) => EntrySink | undefined,
): Promise<void> {
  const extractor = extract(LOCK_STEP);
  const marker = new EndMarker();
  let failure: unknown;
  const guarded = (action: () => void) => {
    try {
      action();
    } catch (error) {
      failure ??= error;
      extractor.destroy();
    }
  };
  extractor.on("error", (error: Error) => {
    failure ??= damagedArchive(error.message, error);
  });
  extractor.on("entry", (found, stream, next) => {
    // Destroyed with the extractor, and an error without a listener would end the program.
    stream.on("error", () => {});
    guarded(() => {
      const header = checkedHeader(found);
      marker.pass(header);
      const sink = open(header);
      stream.on("data", (part) => guarded(() => sink?.write(part as Uint8Array)));
      stream.on("end", () => {
        guarded(() => sink?.end());
        next();
      });
    });
  });

  const closed = new Promise<void>((resolve) => extractor.once("close", () => resolve()));
  const drained = () => new Promise<void>((resolve) => extractor.once("drain", () => resolve()));
  try {
    for await (const chunk of chunks) {
      marker.enter(chunk);
      if (!extractor.write(chunk)) await Promise.race([drained(), closed]);
      if (failure !== undefined) throw failure;
      marker.leave();
    }
    extractor.end(undefined);
    await closed;
    if (failure !== undefined) throw failure;
  } finally {
    extractor.destroy();
  }
  if (!marker.isReached) throw damagedArchive("it ends without an end marker, so it was cut short");
}

interface PlacedHeader extends TarHeader {
  /** Where the entry's data starts in the archive. */
  byteOffset: number;
}

/** The published types lack `byteOffset`, and a size in base 256 may come out as null. */
function checkedHeader(found: Header): PlacedHeader {
  const header = found as Header & PlacedHeader;
  if (!Number.isSafeInteger(header.size)) throw refusedEntry(header, "its size cannot be read");
  return header;
}

/**
 * Finds the block of zeros where the archive ends. tar-stream skips it in silence and hands out what comes behind, which
 * other readers never see; so we look ourselves at the one byte after each entry's padding.
 */
class EndMarker {
  isReached = false;
  #chunk: Uint8Array = new Uint8Array();
  #chunkStart = 0;
  #nextHeader = 0;

  enter(chunk: Uint8Array): void {
    this.#chunk = chunk;
  }

  leave(): void {
    this.#look();
    this.#chunkStart += this.#chunk.length;
  }

  /** An entry was found: what stood before it must not have been the end. */
  pass(header: PlacedHeader): void {
    this.#look();
    if (this.isReached) throw refusedEntry(header, "it comes after the archive's end, where other readers stop");
    this.#nextHeader = header.byteOffset + Math.ceil(header.size / BLOCK) * BLOCK;
  }

  #look(): void {
    if (this.#chunk[this.#nextHeader - this.#chunkStart] === 0) this.isReached = true;
  }
}
