import { basename, dirname, join } from "node:path";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import { fileRemoval } from "./file-changes.ts";
import { linkEnd, programsIn } from "./linked.ts";
import { markerOf } from "./marker.ts";

interface UnlinkRequest {
  /** The `bin` directory of a version or of the package. */
  source: string;
  linkDirectory: string;
  namespace: Namespace;
}

export interface UnlinkPlan {
  changes: Change[];
  /** Units whose program loses its link, but that this version did not make: they stay, and deserve a warning. */
  keptUnits: string[];
}

/**
 * Removes the links into `source`, and the unit of a service whose link goes when that unit carries the marker of the
 * same version (installer-systemd §2.6). The updater's link goes last. Fails with `E_NO_PROGRAMS` when there is no such
 * directory.
 */
export function planUnlink(files: Files, { source, linkDirectory, namespace }: UnlinkRequest): UnlinkPlan {
  const names = programsIn(files, source);
  if (names === undefined) {
    throw new UpdateError("E_NO_PROGRAMS", `cannot unlink \`${source}\`: there is no such directory`, {
      hint: "install that version again, or remove its links by hand",
    });
  }
  const linked = names.filter((name) => linkEnd(files, join(linkDirectory, name)) === join(source, name));
  return planRemovals(files, namespace, linkDirectory, linked);
}

/**
 * As `planUnlink`, for every version of a namespace at once and our own updater besides, whether the versions are still
 * there or not: no link may be left that leads into a directory which is about to go.
 */
export function planUnlinkNamespace(files: Files, namespace: Namespace, linkDirectory: string): UnlinkPlan {
  const linked = namesLinkedInto(files, namespace, linkDirectory);
  const plan = planRemovals(files, namespace, linkDirectory, linked);
  return { ...plan, changes: [...unitsWithoutRelease(files, namespace, linked), ...plan.changes] };
}

/** The units that an image got offline, for programs that never came: no link leads to them. */
function unitsWithoutRelease(files: Files, { teleport, tbot }: Namespace, linked: readonly string[]): Change[] {
  const waiting = [
    { program: "teleport", unitFile: teleport.unitFile },
    { program: "tbot", unitFile: tbot.unitFile },
  ].filter(({ program, unitFile }) => !linked.includes(program) && isMadeBy(files, unitFile, ""));
  return waiting.flatMap(({ unitFile }) => fileRemoval(files, unitFile));
}

/** The names in the link directory that lead to a program of their own name in the namespace. */
export function namesLinkedInto(files: Files, namespace: Namespace, linkDirectory: string): string[] {
  return (files.list(linkDirectory) ?? []).filter((name) => {
    const end = linkEnd(files, join(linkDirectory, name));
    if (end === undefined || basename(end) !== name) return false;
    if (name === UPDATER_NAME && dirname(dirname(end)) === namespace.updaterCopies) return true;
    return basename(dirname(end)) === "bin" && dirname(dirname(dirname(end))) === namespace.versions;
  });
}

/** The change that removes the link at `path`; none when there is none. */
export function linkRemoval(files: Files, path: string): Change[] {
  const before = files.readLink(path);
  return before === undefined ? [] : [{ kind: "link", path, before, after: null }];
}

function planRemovals(files: Files, namespace: Namespace, linkDirectory: string, names: readonly string[]): UnlinkPlan {
  const plan: UnlinkPlan = { changes: [], keptUnits: [] };
  const isUpdater = (name: string) => name === UPDATER_NAME;
  for (const name of [...names.filter((name) => !isUpdater(name)), ...names.filter(isUpdater)]) {
    const path = join(linkDirectory, name);
    plan.changes.push(...linkRemoval(files, path));
    const unitFile = unitFileOf(namespace, name);
    if (unitFile === undefined || files.stat(unitFile) === undefined) continue;
    const revisionName = basename(dirname(dirname(linkEnd(files, path) ?? "")));
    if (isMadeBy(files, unitFile, revisionName)) plan.changes.push(...fileRemoval(files, unitFile));
    else plan.keptUnits.push(unitFile);
  }
  return plan;
}

function unitFileOf(namespace: Namespace, program: string): string | undefined {
  if (program === "teleport") return namespace.teleport.unitFile;
  return program === "tbot" ? namespace.tbot.unitFile : undefined;
}

function isMadeBy(files: Files, unitFile: string, revisionName: string): boolean {
  if (files.stat(unitFile)?.kind !== "file") return false;
  return files.readText(unitFile, UNIT_SIZE_LIMIT, "mark")?.startsWith(markerOf(revisionName)) === true;
}
