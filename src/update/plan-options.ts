import { fileChanges } from "../host/file-changes.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatOptions, readOptions, readOptionsText } from "../settings/options.ts";

/** The word that clears a setting, as for `--group` and `--base-url`. */
export const CLEAR = "default";

/**
 * The change that keeps `caFile`, a path of this machine, for later runs; none when it is empty, which leaves the setting
 * as it is, and none for a file outside the root of `files`, which the host will not have.
 */
export function planOptions(files: Files, namespace: Namespace, caFile: string): Change[] {
  const kept = caFile === CLEAR ? CLEAR : pathOfHost(files.root, caFile);
  if (kept === undefined || kept === "") return [];
  const options = { ...readOptions(files, namespace), caFile: kept === CLEAR ? undefined : kept };
  const text = formatOptions(readOptionsText(files, namespace), options, namespace.options);
  return text === undefined ? [] : fileChanges(files, namespace.options, text);
}

/** Undefined for a path of this machine that the host under `root` has not. */
export function pathOfHost(root: string, path: string): string | undefined {
  if (root === "/" || path === "") return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}
