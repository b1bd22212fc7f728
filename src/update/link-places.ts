import { dirname } from "node:path";
import type { Change } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace } from "../settings/namespace.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { parseUpdateConfig, readUpdateConfig } from "../settings/update-config-read.ts";

/**
 * The folders in which links into a namespace may lie, whoever placed them: those that it has by itself, the one that
 * `update.yaml` names now, those that `changes` make it name, and those in which they place links, as one whose links are all
 * right already gets none. Never fails for an `update.yaml` that cannot be read.
 */
export function linkPlaces(files: Files, namespace: Namespace, changes: readonly Change[]): string[] {
  const changed = changes.flatMap((change) => (change.kind === "link" ? [dirname(change.path)] : []));
  const written = changes.flatMap((change) =>
    change.kind === "file" && change.path === namespace.config
      ? [change.before, change.after].flatMap((image) =>
          pathIn(() => (image === null ? undefined : parseUpdateConfig(image.content, namespace.config))),
        )
      : [],
  );
  const configured = pathIn(() => readUpdateConfig(files, namespace));
  return [...new Set([namespace.defaultLinkDirectory, DEFAULT_LINK_DIRECTORY, ...configured, ...written, ...changed])];
}

/** As `linkPlaces`, for a run that goes by `config`: its path may be another than the one that is written now. */
export function linkPlacesOfRun(files: Files, namespace: Namespace, config: UpdateConfig): string[] {
  return [...new Set([...linkPlaces(files, namespace, []), config.spec.path])];
}

function pathIn(read: () => UpdateConfig | undefined): string[] {
  try {
    const path = read()?.spec.path;
    return path?.startsWith("/") ? [path] : [];
  } catch (error) {
    if (isUpdateError(error)) return [];
    throw error;
  }
}
