import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { journalPath } from "./journal-format.ts";

/**
 * Removes a staging folder at the end of a run. It stays while there is a journal: what was moved aside lies in it, and the
 * next run needs that to undo what this one could not. Never fails, as what is left is swept by the next run anyway, and
 * must not hide why this one ended.
 */
export function dropStaging({ files, log }: Pick<World, "files" | "log">, namespace: Namespace, folder: string): void {
  try {
    if (files.stat(journalPath(namespace)) === undefined) files.removeTree(folder);
  } catch (error) {
    log.warn("The staging folder stays until the next run.", { path: folder, error: String(error) });
  }
}
