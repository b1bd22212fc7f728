import { dirname, join, resolve } from "node:path";
import type { Files } from "../platform/files.ts";

/**
 * True when any program in `bin` (the `bin` directory of a version) has a link of its name in the link directory
 * (installer-systemd §2.7). `<linkDirectory>/teleport-update` leads to our own copy, so it counts for no version.
 */
export function isLinked(files: Files, bin: string, linkDirectory: string): boolean {
  return programsIn(files, bin)?.some((name) => linkEnd(files, join(linkDirectory, name)) === join(bin, name)) ?? false;
}

/** The names in `bin` that are not directories, or undefined when there is no such directory. */
export function programsIn(files: Files, bin: string): string[] | undefined {
  return files.list(bin)?.filter((name) => files.stat(join(bin, name))?.kind !== "directory");
}

/** Where the link at `path` leads by its own words, made absolute; undefined when it is no link. */
export function linkEnd(files: Files, path: string): string | undefined {
  const target = files.readLink(path);
  return target === undefined ? undefined : resolve(dirname(path), target);
}
