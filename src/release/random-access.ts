import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Files } from "../platform/files.ts";
import { attempt } from "../platform/path-errors.ts";

/** A file that is read here and there, without being loaded. */
export interface RandomAccess {
  size: number;
  /** The bytes from `offset` on, fewer than `length` only at the end of the file. */
  read(offset: number, length: number): Buffer;
}

/** Opens `path` for as long as `use` runs; the last name is not followed, and nothing blocks. Fails with `E_IO` also when it is missing. */
export function withRandomAccess<T>(files: Files, path: string, use: (file: RandomAccess) => T): T {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const descriptor = attempt("open", path, () => openSync(files.real(path), flags));
  try {
    return use({
      size: fstatSync(descriptor).size,
      read(offset, length) {
        const buffer = Buffer.alloc(length);
        const count = attempt("read", path, () => readSync(descriptor, buffer, 0, length, offset));
        return buffer.subarray(0, count);
      },
    });
  } finally {
    closeSync(descriptor);
  }
}
