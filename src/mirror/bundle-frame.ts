import { type BundledFile, MANIFEST_FILE, MANIFEST_LIMIT } from "./manifest.ts";

/*
 * A bundle is a plain tar archive, so that any tar lists and unpacks it, but there is one way only to write each: no
 * owner, no time, mode 0644, and names in the one form that fits. So a reader of ours parses no tar at all: it compares what
 * lies between the contents, byte by byte, with what it would have written, and there is no room for anything else.
 */

const BLOCK = 512;
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_DIGITS = 11;
const CHECKSUM_AT = 148;

/** Two blocks of zeros are the end of an archive. */
export const BUNDLE_END = Buffer.alloc(2 * BLOCK);
/** The head of the manifest: its name is short. */
export const MANIFEST_HEAD_BYTES = BLOCK;

/** What stands in front of a file's content. */
export function headOf(name: string, bytes: number): Buffer {
  if (name.length <= NAME_BYTES) return block(name, bytes, "0");
  // GNU's way, which every tar reads: the whole name as the content of an entry in front.
  const longName = Buffer.from(`${name}\0`);
  return Buffer.concat([
    block("././@LongLink", longName.length, "L"),
    longName,
    paddingOf(longName.length),
    block(name.slice(0, NAME_BYTES), bytes, "0"),
  ]);
}

/** The zeros behind a content of so many bytes. */
export function paddingOf(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

/** How long the manifest is whose head this is; undefined when it is no such head. */
export function manifestLength(head: Buffer): number | undefined {
  const size = head.toString("latin1", SIZE_AT, SIZE_AT + SIZE_DIGITS);
  if (!/^[0-7]{11}$/.test(size)) return undefined;
  const bytes = Number.parseInt(size, 8);
  return bytes <= MANIFEST_LIMIT && headOf(MANIFEST_FILE, bytes).equals(head) ? bytes : undefined;
}

/** Where in a bundle with a manifest of so many bytes the content of each file starts, and how long the bundle is. */
export function layOut(manifestBytes: number, files: readonly BundledFile[]): { length: number; places: PlacedFile[] } {
  let at = entryLength(MANIFEST_FILE, manifestBytes);
  const places = files.map((file): PlacedFile => {
    const start = at + headOf(file.name, file.bytes).length;
    at += entryLength(file.name, file.bytes);
    return { file, start };
  });
  return { length: at + BUNDLE_END.length, places };
}

export interface PlacedFile {
  file: BundledFile;
  /** Of its content. */
  start: number;
}

function entryLength(name: string, bytes: number): number {
  return headOf(name, bytes).length + bytes + paddingOf(bytes).length;
}

/** One header as POSIX `ustar` has it. */
function block(name: string, bytes: number, type: "0" | "L"): Buffer {
  const head = Buffer.alloc(BLOCK);
  head.write(name, 0, "latin1");
  head.write("0000644\x000000000\x000000000\0", 100);
  head.write(`${octal(bytes, SIZE_DIGITS)}\0${octal(0, SIZE_DIGITS)}\0`, SIZE_AT);
  head.write(type, 156);
  head.write("ustar\x0000", 257);
  head.fill(" ", CHECKSUM_AT, CHECKSUM_AT + 8);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 6)}\0 `, CHECKSUM_AT);
  return head;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
