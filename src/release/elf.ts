import { BadElf, INTERPRETER_SEGMENT, LOADED_SEGMENT, readOffset, readTable, type Segment } from "./elf-format.ts";
import { glibcNeed } from "./elf-versions.ts";
import type { RandomAccess } from "./random-access.ts";

/** What decides whether a host can run a program. */
export interface Elf {
  bits: 32 | 64;
  /** As in the names of releases (`amd64`), or the number of any other machine. */
  machine: string;
  /** The loader that the kernel must find; undefined for a static program. */
  interpreter: string | undefined;
  /** The newest glibc that a symbol asks for (`2.34`); undefined when none does. */
  neededGlibc: string | undefined;
}

/**
 * Reads what an ELF file needs, from its headers only, in a few small reads (ELF-64 object format and the Linux Standard
 * Base's symbol versioning). Undefined for any other file; `BadElf` when the file is cut short or its tables lie.
 * Of a 32-bit or big-endian program only class and machine are told: no host of ours runs one.
 */
export function readElf(file: RandomAccess): Elf | undefined {
  const start = file.read(0, HEADER_SIZE);
  if (start.length < 4 || start.readUInt32BE(0) !== MAGIC) return undefined;
  if (start.length < HEADER_SIZE) throw new BadElf("it ends inside its header");
  const bits = start[4] === 2 ? 64 : 32;
  const isLittleEndian = start[5] === 1;
  const number = isLittleEndian ? start.readUInt16LE(18) : start.readUInt16BE(18);
  const machine = MACHINES[number] ?? `machine ${number}`;
  if (bits !== 64 || !isLittleEndian) return { bits, machine, interpreter: undefined, neededGlibc: undefined };
  const segments = readSegments(file, start);
  return { bits, machine, interpreter: interpreterOf(file, segments), neededGlibc: glibcNeed(file, segments) };
}

const MAGIC = 0x7f454c46;
const HEADER_SIZE = 64;
const SEGMENT_SIZE = 56;
const PATH_LIMIT = 4096;
const MACHINES: Record<number, string> = { 3: "386", 40: "arm", 62: "amd64", 183: "arm64" };

function readSegments(file: RandomAccess, header: Buffer): Segment[] {
  const count = header.readUInt16LE(56);
  if (header.readUInt16LE(54) !== SEGMENT_SIZE || count === 0) throw new BadElf("it has no program headers");
  const table = readTable(file, readOffset(header, 32), count * SEGMENT_SIZE);
  return Array.from({ length: count }, (_, index) => {
    const at = index * SEGMENT_SIZE;
    const segment = {
      type: table.readUInt32LE(at),
      offset: readOffset(table, at + 8),
      address: readOffset(table, at + 16),
      size: readOffset(table, at + 32),
    };
    if (segment.type === LOADED_SEGMENT && segment.offset + segment.size > file.size) {
      throw new BadElf(`it is cut short: ${file.size} bytes of at least ${segment.offset + segment.size}`);
    }
    return segment;
  });
}

function interpreterOf(file: RandomAccess, segments: readonly Segment[]): string | undefined {
  const segment = segments.find(({ type }) => type === INTERPRETER_SEGMENT);
  if (segment === undefined) return undefined;
  if (segment.size > PATH_LIMIT) throw new BadElf("the path of its loader is too long");
  const bytes = readTable(file, segment.offset, segment.size);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}
