import { refusedEntry } from "./archive-errors.ts";
import type { TarHeader } from "./untar.ts";

const NAME_BYTES = 255;
const DEPTH = 16;
/** Control, format and private characters, line separators, the mark of bytes that were no text, and a foreign separator. */
const UNFIT = /[\p{C}\p{Zl}\p{Zp}\ufffd\\]/u;

/**
 * The components of an entry's name. One `./` in front (as `tar -C` writes) and the slash after a directory are dropped;
 * everything else that a path could be bent with fails with `E_ARCHIVE`. The archive's own root gives no components.
 */
export function checkEntryName(header: TarHeader): string[] {
  const { name, type } = header;
  if (name === "") throw refusedEntry(header, "its name is empty");
  if (UNFIT.test(name)) throw refusedEntry(header, "its name has characters that no file name needs");
  if (name.startsWith("/")) throw refusedEntry(header, "its name is absolute");
  if (type === "file" && name.endsWith("/")) throw refusedEntry(header, "it is a file with the name of a folder");
  const path = name.replace(/^\.\//, "").replace(/\/$/, "");
  if (path === "" || path === ".") return [];
  const parts = path.split("/");
  if (parts.length > DEPTH) throw refusedEntry(header, `it lies more than ${DEPTH} folders deep`);
  for (const part of parts) {
    if (part === "..") throw refusedEntry(header, "its name leads upwards");
    if (part === "" || part === ".") throw refusedEntry(header, "its name is not written in its shortest form");
    if (Buffer.byteLength(part) > NAME_BYTES) throw refusedEntry(header, "its name is too long for a file");
  }
  return parts;
}
