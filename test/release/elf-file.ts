import type { RandomAccess } from "../../src/release/random-access.ts";

export interface ElfShape {
  machine?: number;
  interpreter?: string;
  /** The symbol versions that are asked for, by library; a name that ends in `?` is a weak need. */
  needs?: Record<string, string[]>;
}

const SEGMENTS_AT = 64;
const SEGMENT_SIZE = 56;
const ADDRESS = 0x400000;

/** A 64-bit little-endian ELF file by hand: header, program headers, and whatever of loader path and needs `shape` asks for. */
export function elfFile({ machine = 62, interpreter, needs }: ElfShape = {}): Buffer {
  const path = Buffer.from(interpreter === undefined ? "" : `${interpreter}\0`);
  const { strings, records } = needTables(needs ?? {});
  const count = 1 + (interpreter === undefined ? 0 : 1) + (needs === undefined ? 0 : 1);
  const pathAt = SEGMENTS_AT + count * SEGMENT_SIZE;
  const stringsAt = pathAt + path.length;
  const recordsAt = stringsAt + strings.length;
  const dynamicAt = recordsAt + records.length;
  const dynamic = table64([5, ADDRESS + stringsAt, 10, strings.length, 0x6ffffffe, ADDRESS + recordsAt, 0, 0]);
  const size = dynamicAt + dynamic.length;

  const header = Buffer.alloc(SEGMENTS_AT);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(BigInt(SEGMENTS_AT), 32);
  header.writeUInt16LE(SEGMENT_SIZE, 54);
  header.writeUInt16LE(count, 56);
  const segments = [segment(1, 0, size)];
  if (interpreter !== undefined) segments.push(segment(3, pathAt, path.length));
  if (needs !== undefined) segments.push(segment(2, dynamicAt, dynamic.length));
  return Buffer.concat([header, ...segments, path, strings, records, dynamic]);
}

/** `bytes` as a file that is read here and there. */
export function fileOf(bytes: Buffer): RandomAccess {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

function segment(type: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(SEGMENT_SIZE);
  bytes.writeUInt32LE(type, 0);
  bytes.writeBigUInt64LE(BigInt(offset), 8);
  bytes.writeBigUInt64LE(BigInt(ADDRESS + offset), 16);
  bytes.writeBigUInt64LE(BigInt(size), 32);
  return bytes;
}

function needTables(needs: Record<string, string[]>) {
  let strings = "\0";
  const add = (text: string) => {
    const at = strings.length;
    strings += `${text}\0`;
    return at;
  };
  const libraries = Object.entries(needs);
  const records = libraries.flatMap(([library, versions], index) => [
    record({
      count: versions.length,
      name: add(library),
      next: index + 1 < libraries.length ? 16 * (versions.length + 1) : 0,
    }),
    ...versions.map((version, at) => auxiliary(version, add(version.replace("?", "")), at + 1 < versions.length)),
  ]);
  return { strings: Buffer.from(strings, "latin1"), records: Buffer.concat(records) };
}

function record({ count, name, next }: { count: number; name: number; next: number }): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(count, 2);
  bytes.writeUInt32LE(name, 4);
  bytes.writeUInt32LE(16, 8);
  bytes.writeUInt32LE(next, 12);
  return bytes;
}

function auxiliary(version: string, name: number, hasNext: boolean): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(version.endsWith("?") ? 2 : 0, 4);
  bytes.writeUInt32LE(name, 8);
  bytes.writeUInt32LE(hasNext ? 16 : 0, 12);
  return bytes;
}

function table64(values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => void bytes.writeBigUInt64LE(BigInt(value), index * 8));
  return bytes;
}
