import { realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";

/**
 * Found out before hundreds of megabytes are written: a bundle goes into a file, and not into the tree that it is made of, where it would
 * take the place of the index or of an archive, and be served. Links are followed. Fails with `E_PATH` and `E_IO`.
 */
export function requireBundlePlace(files: Files, tree: string, to: string): void {
  const isFolder = files.statFollowed(to)?.kind === "directory";
  if (isWithin(isFolder ? to : dirname(to), tree)) {
    throw new UpdateError("E_PATH", `cannot write \`${to}\`: it lies in the mirror \`${tree}\`, of which it is made`, {
      hint: `name a file outside of it: \`--to ${join(dirname(tree), isFolder ? "teleport.tar" : basename(to))}\``,
    });
  }
  if (isFolder) {
    throw new UpdateError("E_IO", `cannot write \`${to}\`: there is a directory of that name`, {
      hint: `name a file in it: \`--to ${join(to, "teleport.tar")}\``,
    });
  }
}

/** What is missing is within nothing: it is told where it is needed. */
function isWithin(folder: string, tree: string): boolean {
  const [inner, outer] = [realFolder(folder), realFolder(tree)];
  if (inner === undefined || outer === undefined) return false;
  return !/^\.\.(\/|$)/.test(relative(outer, inner));
}

function realFolder(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
