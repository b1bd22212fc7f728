import { fileChanges } from "../host/file-changes.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatOptions, readOptions, readOptionsText } from "../settings/options.ts";

/** The word that clears a setting, as for `--group` and `--base-url`. */
const CLEAR = "default";

/** The change that keeps `caFile` for later runs; none when it is empty, which leaves the setting as it is. */
export function planOptions(files: Files, namespace: Namespace, caFile: string): Change[] {
  if (caFile === "") return [];
  const options = { ...readOptions(files, namespace), caFile: caFile === CLEAR ? undefined : caFile };
  const text = formatOptions(readOptionsText(files, namespace), options, namespace.options);
  return text === undefined ? [] : fileChanges(files, namespace.options, text);
}
