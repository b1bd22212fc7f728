import { dirname } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import { findOpenPlaces, type OpenPlace } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { pathsIn, type UpdaterOptions } from "../settings/options.ts";

/** A host whose places are open must not be changed any further, but whoever wants to be rid of the updater must succeed. */
export type OpenPlacesAre = "refused" | "told";

type Host = Pick<World, "files" | "log">;

/**
 * Sees to it that nobody but root can put something else in the place of what the updater reads, writes or has systemd run
 * for a namespace. Fails with `E_OPEN_PLACE`, or warns when open places are only to be told.
 */
export function requireClosedNamespace(host: Host, namespace: Namespace, openPlaces: OpenPlacesAre): void {
  const { versions, updaterCopies, config, teleport, updaterUnit, needrestart } = namespace;
  const dropIns = [
    namespace.teleportDropIn,
    namespace.updaterDropIn,
    ...(namespace.v1DropIn ? [namespace.v1DropIn] : []),
  ];
  const folders = [updaterUnit, teleport.unitFile, needrestart, ...dropIns].map((path) => dirname(path));
  requireClosed(host, [versions, updaterCopies, config, ...folders], openPlaces);
}

/**
 * As `requireClosedNamespace`, for the files that the options name on this machine: keys, authorities, credentials. Who runs
 * the updater without root has only their own to lose.
 */
export function requireClosedFiles(
  { localFiles, log }: Pick<World, "localFiles" | "log">,
  options: UpdaterOptions,
): void {
  if (process.geteuid?.() !== 0) return;
  requireClosed({ files: localFiles, log }, pathsIn(options));
}

/** As `requireClosedNamespace`, for what lies on the ways to `paths` and at their ends. */
export function requireClosed(
  { files, log }: Host,
  paths: readonly string[],
  openPlaces: OpenPlacesAre = "refused",
): void {
  const places = findOpenPlaces(files, paths);
  const isRefused = ({ isDoubtful }: OpenPlace) => openPlaces === "refused" && !isDoubtful;
  for (const { path, reason, command } of places.filter((place) => !isRefused(place))) {
    log.warn("Others than root may change what the updater relies on.", { path, reason, command });
  }
  const refused = places.filter(isRefused);
  const [first] = refused;
  if (first === undefined) return;
  const more = refused.length === 1 ? "" : `, and ${refused.length - 1} more like it`;
  throw new UpdateError("E_OPEN_PLACE", `others than root may change \`${first.path}\`: ${first.reason}${more}`, {
    hint: `look at what others may have put there, then run \`${refused.map(({ command }) => command).join("; ")}\``,
  });
}
