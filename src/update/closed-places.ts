import { dirname } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { findOpenAbove, findOpenPlaces, type OpenPlace } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { pathsIn, type UpdaterOptions } from "../settings/options.ts";
import { pathOfHost } from "./plan-options.ts";
import { programPlaces } from "./program-places.ts";

/** A host whose places are open must not be changed any further, but whoever wants to be rid of the updater must succeed. */
export type OpenPlacesAre = "refused" | "told";

type Host = Pick<World, "files" | "log">;
type RootedHost = Pick<World, "files" | "localFiles" | "log" | "sudoUser">;

/**
 * Sees to it that nobody but root can put something else in the place of what the updater reads, writes or has systemd run
 * for a namespace. Fails with `E_OPEN_PLACE`, or warns when open places are only to be told.
 */
export function requireClosedNamespace(host: RootedHost, namespace: Namespace, openPlaces: OpenPlacesAre): void {
  requireClosedWay(host);
  const { versions, updaterCopies, config } = namespace;
  const units = unitsOf(namespace);
  const folders = units.map((path) => dirname(path));
  // One that is masked leads to `/dev/null`, which is open to all.
  const present = units.filter((path) => host.files.statFollowed(path)?.kind === "file");
  requireClosed(host, [versions, updaterCopies, config, ...folders, ...present], openPlaces);
}

/** All that systemd and needrestart read for a namespace. */
function unitsOf(namespace: Namespace): string[] {
  const { teleport, tbot, updaterUnit, updaterTimer, needrestart } = namespace;
  const { teleportDropIn, updaterDropIn, proxyDropIn, v1DropIn } = namespace;
  const dropIns = [teleportDropIn, updaterDropIn, proxyDropIn, ...(v1DropIn ? [v1DropIn] : [])];
  return [updaterUnit, updaterTimer, teleport.unitFile, tbot.unitFile, needrestart, ...dropIns];
}

/**
 * As `requireClosedNamespace`, for the way to the tree that `--root` names: who may put another one in its place chooses where
 * root writes, so this is never only told. Who runs the updater without root has only their own to lose.
 */
function requireClosedWay({ files: { root }, localFiles, sudoUser }: RootedHost): void {
  if (root === "/") return;
  // The tree itself is judged with what is in it.
  const first = findOpenAbove(localFiles, root, sudoUser);
  if (first === undefined) return;
  throw new UpdateError(
    "E_OPEN_PLACE",
    `others than root may put another tree at \`${root}\`, as they may change \`${first.path}\`: ${first.reason}`,
    {
      hint: "make the tree below folders that only root may write, such as `/var/lib`, or run the command as their owner",
    },
  );
}

/**
 * As `requireClosedNamespace`, for the files that the options name on this machine: keys, authorities, credentials. Who runs
 * the updater without root has only their own to lose. To a file of the tree behind `--root` the way begins there.
 */
export function requireClosedFiles({ files, localFiles, log }: RootedHost, options: UpdaterOptions): void {
  if (process.geteuid?.() !== 0) return;
  const ofTree = files.root === "/" ? [] : pathsIn(options).flatMap((path) => pathOfHost(files.root, path) ?? []);
  const others = pathsIn(options).filter((path) => files.root === "/" || pathOfHost(files.root, path) === undefined);
  requireNotToBeMade(files, ofTree);
  requireNotToBeMade(localFiles, others);
  requireClosed({ files, log }, ofTree);
  requireClosed({ files: localFiles, log }, others);
}

/** As `requireClosed`, for files that are missing: a command that makes a folder in the place of one would be no help. */
function requireNotToBeMade(files: Files, paths: readonly string[]): void {
  const missing = paths.find((path) => files.statFollowed(path) === undefined && isOpen(files, path));
  if (missing === undefined) return;
  const path = files.real(missing);
  throw new UpdateError("E_OPEN_PLACE", `\`${path}\` does not exist, and others than root may make it`, {
    hint: "restore the file where only root may write, and name it there",
  });
}

function isOpen(files: Files, path: string): boolean {
  return findOpenPlaces(files, [path]).some(({ isDoubtful }) => !isDoubtful);
}

/** As `requireClosedNamespace`, for what lies on the ways to `paths` and at their ends. */
export function requireClosed(
  { files, log }: Host,
  paths: readonly string[],
  openPlaces: OpenPlacesAre = "refused",
): void {
  const places = findOpenPlaces(files, paths);
  const isRefused = ({ isDoubtful }: OpenPlace) => openPlaces === "refused" && !isDoubtful;
  const told = places.filter((place) => !isRefused(place));
  tell(log, "Others than root may change what the updater relies on.", told);
  const refused = places.filter(isRefused);
  const [first] = refused;
  if (first === undefined) return;
  const more = refused.length === 1 ? "" : `, and ${refused.length - 1} more like it`;
  throw new UpdateError("E_OPEN_PLACE", `others than root may change \`${first.path}\`: ${first.reason}${more}`, {
    hint: `look at what others may have put there, then run \`${refused.map(({ command }) => command).join("; ")}\``,
  });
}

/**
 * Warns of what others may change of the version in `directory`, which is linked. To refuse an update for it would keep the
 * host at these very programs.
 */
export function warnOfOpenVersion({ files, log }: Host, directory: string): void {
  // The way to it is judged with the namespace.
  const above = findOpenPlaces(files, [dirname(directory)]).map(({ path }) => path);
  const places = findOpenPlaces(files, programPlaces(files, directory)).filter(({ path }) => !above.includes(path));
  tell(log, "Others than root may change what the services run, until an update leaves it behind.", places);
}

function tell(log: Log, message: string, places: readonly OpenPlace[]): void {
  for (const { path, reason, command } of places) log.warn(message, { path, reason, command });
}
