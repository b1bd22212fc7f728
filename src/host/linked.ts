import { dirname, join, resolve } from "node:path";
import type { Files } from "../platform/files.ts";
import { isTemporary } from "../platform/synced-files.ts";

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

/** The links in `folders` that lead to `place` or below it, by their own words; one that was never put in its place is none. */
export function linksInto(files: Files, folders: readonly string[], place: string): string[] {
  const names = (folder: string) => (files.list(folder) ?? []).filter((name) => !isTemporary(name));
  const paths = folders.flatMap((folder) => names(folder).map((name) => join(folder, name)));
  return paths.filter((path) => isBelow(linkEnd(files, path) ?? "", place));
}

/** Whether `path` is `place` or lies below it. */
export function isBelow(path: string, place: string): boolean {
  return `${path}/`.startsWith(`${place}/`);
}
