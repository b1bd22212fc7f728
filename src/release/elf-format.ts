import type { RandomAccess } from "./random-access.ts";

/** The file starts like a program for the kernel's ELF loader, but its tables cannot be what a linker wrote. */
export class BadElf extends Error {}

/** A part of the file, and where it goes in memory. */
export interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

export const LOADED_SEGMENT = 1;
export const DYNAMIC_SEGMENT = 2;
export const INTERPRETER_SEGMENT = 3;

const TABLE_LIMIT = 1 << 20;

/** Reads exactly `length` bytes; a table of the file that points past its end is a `BadElf`. */
export function readTable(file: RandomAccess, offset: number, length: number): Buffer {
  if (length > TABLE_LIMIT) throw new BadElf("one of its tables is too large");
  if (offset + length > file.size) throw new BadElf("it is cut short: a table lies behind its end");
  const table = file.read(offset, length);
  if (table.length !== length) throw new BadElf("it became shorter while it was read");
  return table;
}

/** Offsets in a file are 64 bits wide; those above 2^53 lie behind the end of any file, and stay there as numbers. */
export function readOffset(table: Buffer, at: number): number {
  return Number(table.readBigUInt64LE(at));
}
