import { extract, type Header } from "tar-stream";
import { damagedArchive, refusedEntry } from "./archive-errors.ts";
import { TarFrame } from "./tar-frame.ts";

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

/** So that each write is answered only once it is worked off: `TarFrame` relies on it. */
const LOCK_STEP = { highWaterMark: 1 };
/** What tar-stream says, in words that name the lie. */
const READER_WORDS: Record<string, string> = {
  "Unexpected end of data": "it was cut short",
  "Invalid header": "the size of an entry is negative or no number",
  "Header exceeds max size": "the extended header of an entry is too long",
};

/**
 * Reads a tar archive; `open` decides about each entry, and undefined passes over it. Ends when every entry was handed
 * on whole and the archive's end marker was seen, with nothing after it. Fails with what `chunks`, `open` or a sink
 * throws, or with `E_ARCHIVE`. tar-stream alone is too lax for that: `TarFrame` looks at what lies between the entries and
 * behind the last, and an exception in a listener must end it.
 */
export async function readTar(
  chunks: AsyncIterable<Uint8Array>,
  open: (header: TarHeader) => EntrySink | undefined,
): Promise<void> {
  const extractor = extract(LOCK_STEP);
  const frame = new TarFrame();
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
    guarded(() => frame.checkEnd());
    failure ??= damagedArchive(READER_WORDS[error.message] ?? `it is no tar archive (${error.message})`, error);
  });
  extractor.on("entry", (found, stream, next) => {
    // Destroyed with the extractor, and an error without a listener would end the program.
    stream.on("error", () => {});
    guarded(() => {
      const header = checkedHeader(found);
      frame.pass(header);
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
      frame.enter(chunk);
      if (!extractor.write(chunk)) await Promise.race([drained(), closed]);
      if (failure !== undefined) throw failure;
      frame.leave();
    }
    extractor.end(undefined);
    await closed;
    if (failure !== undefined) throw failure;
  } finally {
    extractor.destroy();
  }
  frame.finish();
}

/** The published types lack `byteOffset`, and a size in base 256 may come out as null. */
function checkedHeader(found: Header): TarHeader & { byteOffset: number } {
  const header = found as Header & TarHeader & { byteOffset: number };
  if (!Number.isSafeInteger(header.size)) throw refusedEntry(header, "its size cannot be read");
  return header;
}
