import { fileChanges } from "../host/file-changes.ts";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import {
  formatOptions,
  type GivenOptions,
  mapPaths,
  mergeOptions,
  pathsIn,
  readOptions,
  readOptionsText,
  type UpdaterOptions,
} from "../settings/options.ts";

/** The options that count for this run, kept and given, with all paths as this machine has them. */
export function optionsOfRun(files: Files, namespace: Namespace, given: GivenOptions): UpdaterOptions {
  const kept = mapPaths(readOptions(files, namespace), files.realFollowed);
  return mergeOptions(
    kept,
    mapPaths(given, (path) => placeOfGiven(files, path)),
  );
}

/** Where a given path leads on this machine: below the root its links are the host's, as they will be when it is kept. */
export function placeOfGiven(files: Files, path: string): string {
  const ofHost = pathOfHost(files.root, path);
  return ofHost === undefined ? path : files.realFollowed(ofHost);
}

/**
 * The change that keeps what is given, by paths of this machine, for later runs; none when nothing of it is new. A file
 * outside the root of `files` is not kept, as the host will not have it.
 */
export function planOptions(files: Files, namespace: Namespace, given: GivenOptions): Change[] {
  const ofHost = mapPaths(given, (path) => pathOfHost(files.root, path));
  const options = mergeOptions(readOptions(files, namespace), ofHost);
  const text = formatOptions(readOptionsText(files, namespace), options, files.real(namespace.options));
  return text === undefined ? [] : fileChanges(files, namespace.options, text);
}

/**
 * Warns of files outside the root, which count for this run only. Refuses with `E_PATH` what would leave the host with less
 * than was asked for: a trusted key that it does not get, a client certificate that is parted from its key.
 */
export function judgePathsOutside({ files, log }: Pick<World, "files" | "log">, given: GivenOptions): void {
  const { root } = files;
  const outside = (options: GivenOptions) => pathsIn(options).filter((path) => pathOfHost(root, path) === undefined);
  const [key] = outside({ trustedKeys: given.trustedKeys });
  if (key !== undefined) throw outsideError(root, key, "a trusted key");
  const pair: GivenOptions = { clientCertificate: given.clientCertificate, clientKey: given.clientKey };
  const [half, other] = outside(pair);
  if (half !== undefined && other === undefined && pathsIn(pair).length === 2)
    throw outsideError(root, half, "half of a client certificate and its key");
  for (const path of outside(given))
    log.warn("A file lies outside the root: it counts now, and is not kept for the host.", { path, root });
}

function outsideError(root: string, path: string, what: string): UpdateError {
  return new UpdateError("E_PATH", `\`${path}\` is ${what}, and lies outside the root \`${root}\``, {
    hint: "put the file into the tree first, where its hosts are to have it, and name it there",
  });
}

/** Undefined for a path of this machine that the host under `root` has not. */
export function pathOfHost(root: string, path: string): string | undefined {
  if (root === "/") return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}
