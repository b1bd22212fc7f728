import { closeSync, constants, mkdtempSync, openSync, rmdirSync, unlinkSync, writeSync } from "node:fs";
import { systemErrorCode } from "../errors.ts";
import { attempt } from "../path-errors.ts";

/** Contents that a program reads like files, though none of them ever had a name. */
export interface LentFiles extends Disposable {
  /** For the end of `stdio` of the program. */
  descriptors: number[];
  /** What the program calls them, in the order of the contents. */
  paths: string[];
}

/** Not everybody may write in the first, and not every container has the second. */
const IN_MEMORY = ["/run", "/dev/shm"];
const ON_DISK = "/tmp";
const UNNAMED = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Lends `contents` to one program, which gets them as descriptors from `first` on. A file that is killed with us leaves
 * nothing behind, as its name is gone before its first byte is written. Fails with `E_IO`.
 */
export function lendFiles(contents: readonly (string | Uint8Array)[], first: number): LentFiles {
  const descriptors: number[] = [];
  const close = () => descriptors.splice(0).forEach(closeSync);
  try {
    for (const content of contents) descriptors.push(unnamedFile(Buffer.from(content)));
  } catch (error) {
    close();
    throw error;
  }
  return {
    descriptors: [...descriptors],
    paths: contents.map((_, at) => `/proc/self/fd/${first + at}`),
    [Symbol.dispose]: close,
  };
}

function unnamedFile(content: Buffer): number {
  const folder = privateFolder();
  const path = `${folder}/lent`;
  return attempt("write", path, () => {
    const descriptor = openSync(path, UNNAMED, 0o600);
    unlinkSync(path);
    rmdirSync(folder);
    for (let at = 0; at < content.length; ) at += writeSync(descriptor, content, at);
    return descriptor;
  });
}

function privateFolder(): string {
  for (const folder of IN_MEMORY) {
    try {
      return mkdtempSync(`${folder}/teleport-update-`);
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
  }
  return attempt("write", ON_DISK, () => mkdtempSync(`${ON_DISK}/teleport-update-`));
}
