import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { UpdateError } from "../platform/errors.ts";

/**
 * Where the file system of the host lies: `/`, or the directory that `--root` names, without links. An empty `--root` is
 * what a script with an unset variable says, and `/` is the last thing it means: refused, as a missing directory is.
 */
export function hostRoot(given: string | undefined): string {
  if (given === undefined) return "/";
  if (given !== "" && isDirectory(given)) return realpathSync(resolve(given));
  throw new UpdateError("E_PATH", `\`--root\` names no directory: \`${given}\``, {
    hint: "name the directory that holds the file system of the host",
  });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
