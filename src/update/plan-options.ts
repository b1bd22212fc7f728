import { fileChanges } from "../host/file-changes.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import {
  formatOptions,
  type GivenOptions,
  mapPaths,
  mergeOptions,
  readOptions,
  readOptionsText,
  type UpdaterOptions,
} from "../settings/options.ts";

/** The options that count for this run, kept and given, with all paths as this machine has them. */
export function optionsOfRun(files: Files, namespace: Namespace, given: GivenOptions): UpdaterOptions {
  return mergeOptions(mapPaths(readOptions(files, namespace), files.realFollowed), given);
}

/**
 * The change that keeps what is given, by paths of this machine, for later runs; none when nothing of it is new. A file
 * outside the root of `files` is not kept, as the host will not have it.
 */
export function planOptions(files: Files, namespace: Namespace, given: GivenOptions): Change[] {
  const ofHost = mapPaths(given, (path) => pathOfHost(files.root, path));
  const options = mergeOptions(readOptions(files, namespace), ofHost);
  const text = formatOptions(readOptionsText(files, namespace), options, namespace.options);
  return text === undefined ? [] : fileChanges(files, namespace.options, text);
}

/** Undefined for a path of this machine that the host under `root` has not. */
export function pathOfHost(root: string, path: string): string | undefined {
  if (root === "/") return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}
