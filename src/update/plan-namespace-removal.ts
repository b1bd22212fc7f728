import { join } from "node:path";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { CHECKSUM_FILE } from "../release/checksum.ts";
import type { Namespace } from "../settings/namespace.ts";

/**
 * The changes that remove what is in a namespace, for good, in an order that may end anywhere: without `update.yaml`
 * nothing counts as installed here, so it goes first, and a version without its digest is one that nobody links, so that
 * goes before its files (installer-systemd §1.7). The lock goes last: whoever comes meanwhile waits.
 */
export function planNamespaceRemoval(files: Files, namespace: Namespace): Change[] {
  const { directory, config, lock, versions } = namespace;
  const isFolder = (path: string) => files.stat(path)?.kind === "directory";
  const inside = (folder: string) => (files.list(folder) ?? []).map((name) => join(folder, name));

  const places = inside(directory).filter((path) => path !== config && path !== lock);
  // What a link leads to is not in the namespace, and stays.
  const digests = (isFolder(versions) ? inside(versions) : [])
    .filter(isFolder)
    .map((version) => join(version, CHECKSUM_FILE));
  const others = places.filter((path) => !isFolder(path));
  const paths = [config, ...others, ...digests, ...places.filter(isFolder), lock];
  return paths.filter((path) => files.stat(path) !== undefined).map((path) => ({ kind: "remove", path }));
}
