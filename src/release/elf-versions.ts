import { BadElf, DYNAMIC_SEGMENT, LOADED_SEGMENT, readOffset, readTable, type Segment } from "./elf-format.ts";
import { isNewerGlibc } from "./glibc.ts";
import type { RandomAccess } from "./random-access.ts";

/**
 * The newest version of glibc among those that the program's dynamic section (its `.gnu.version_r`) asks the loader for.
 * Weak needs are left out: the loader only warns about them.
 */
export function glibcNeed(file: RandomAccess, segments: readonly Segment[]): string | undefined {
  const dynamic = segments.find(({ type }) => type === DYNAMIC_SEGMENT);
  if (dynamic === undefined) return undefined;
  const entries = readDynamic(file, dynamic);
  const needs = entries.get(VERSION_NEEDS);
  const strings = entries.get(STRING_TABLE);
  if (needs === undefined || strings === undefined) return undefined;
  const names = readTable(file, toFile(segments, strings), entries.get(STRING_SIZE) ?? 0);
  return walkNeeds(file, toFile(segments, needs), names)
    .map((name) => name.match(/^GLIBC_(\d.*)$/)?.[1])
    .filter((version) => version !== undefined)
    .reduce<string | undefined>((newest, next) => (newest && !isNewerGlibc(next, newest) ? newest : next), undefined);
}

const STRING_TABLE = 5;
const STRING_SIZE = 10;
const VERSION_NEEDS = 0x6ffffffe;
const DYNAMIC_ENTRY_SIZE = 16;
const NEED_SIZE = 16;
const WEAK = 2;
/** Two dozen are usual; offsets only lead forward, but a step of 0 or 1 byte would keep us busy for hours. */
const MAX_NEEDS = 4096;

function readDynamic(file: RandomAccess, { offset, size }: Segment): Map<number, number> {
  const table = readTable(file, offset, size - (size % DYNAMIC_ENTRY_SIZE));
  const entries = new Map<number, number>();
  for (let at = 0; at < table.length; at += DYNAMIC_ENTRY_SIZE) {
    const tag = readOffset(table, at);
    if (tag === 0) break;
    entries.set(tag, readOffset(table, at + 8));
  }
  return entries;
}

/** The dynamic section speaks of memory; the loaded segments tell where in the file that is. */
function toFile(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    (segment) =>
      segment.type === LOADED_SEGMENT && address >= segment.address && address < segment.address + segment.size,
  );
  if (home === undefined) throw new BadElf("one of its tables is in no part of the file");
  return address - home.address + home.offset;
}

/** One record for each library, and linked to it one for each version of that library; both are 16 bytes long. */
function walkNeeds(file: RandomAccess, start: number, names: Buffer): string[] {
  const found: string[] = [];
  let steps = 0;
  const record = (at: number) => {
    steps += 1;
    if (steps > MAX_NEEDS) throw new BadElf("its list of needed versions is too long");
    return readTable(file, at, NEED_SIZE);
  };
  for (let library = start, isLast = false; !isLast; ) {
    const need = record(library);
    for (let version = library + need.readUInt32LE(8), left = need.readUInt16LE(2); left > 0; left -= 1) {
      const aux = record(version);
      if ((aux.readUInt16LE(4) & WEAK) === 0) found.push(nameAt(names, aux.readUInt32LE(8)));
      version += aux.readUInt32LE(12);
    }
    isLast = need.readUInt32LE(12) === 0;
    library += need.readUInt32LE(12);
  }
  return found;
}

function nameAt(names: Buffer, offset: number): string {
  const end = names.indexOf(0, offset);
  if (offset >= names.length || end === -1) throw new BadElf("a name lies behind the end of its table");
  return names.toString("latin1", offset, end);
}
