/** A header as an attacker writes it; only its checksum is always right. */
export interface RawHeader {
  name: string | Uint8Array;
  /** A number is written in octal; bytes go into the field as they are. What is not told is the length of the content. */
  size?: number | Uint8Array;
  /** The one byte of the type; a regular file when absent. */
  type?: string;
  mode?: number;
  owner?: number;
  link?: string;
  /** What ustar puts in front of the name. */
  prefix?: string;
  content?: string | Uint8Array;
}

export const BLOCK = 512;
/** The two blocks of zeros at the end of an archive. */
export const END = Buffer.alloc(2 * BLOCK);

/** One entry: header, content and padding. */
export function entry(raw: RawHeader): Buffer {
  const content = Buffer.from(raw.content ?? "");
  const header = Buffer.alloc(BLOCK);
  header.set(Buffer.from(raw.name).subarray(0, 100), 0);
  header.write(octal(raw.mode ?? 0o755, 7), 100);
  header.write(octal(raw.owner ?? 0, 7), 108);
  header.write(octal(raw.owner ?? 0, 7), 116);
  const size = raw.size ?? content.length;
  header.set(typeof size === "number" ? Buffer.from(octal(size, 11)) : size, 124);
  header.write(octal(0, 11), 136);
  header.write(raw.type ?? "0", 156);
  header.write(raw.link ?? "", 157);
  header.write("ustar\x0000", 257);
  header.write(raw.prefix ?? "", 345);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(-content.length & (BLOCK - 1))]);
}

/** An extended header (`x`) with `records`, or one for all entries behind it (`g`). */
export function pax(records: Record<string, string>, type: "x" | "g" = "x"): Buffer {
  const content = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return entry({ name: "PaxHeaders/x", type, content: content.join("") });
}

/** GNU's way to give the next entry a long name. */
export function longName(name: string): Buffer {
  return entry({ name: "././@LongLink", type: "L", content: `${name}\0` });
}

/** A size in GNU's base 256, positive or negative. */
export function base256(size: bigint): Uint8Array {
  const bytes = Buffer.alloc(12, size < 0n ? 0xff : 0);
  bytes.writeBigInt64BE(size, 4);
  bytes[0] = size < 0n ? 0xff : 0x80;
  return bytes;
}

/** The length in front of a record counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
