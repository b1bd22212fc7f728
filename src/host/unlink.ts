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
 * same version (installer-systemd §2.6). Our own updater link goes too, last. Fails with `E_NO_PROGRAMS` when there is
 * no such directory.
 */
export function planUnlink(files: Files, request: UnlinkRequest): UnlinkPlan {
  const plan: UnlinkPlan = { changes: [], keptUnits: [] };
  const revisionName = basename(dirname(request.source));
  for (const name of linkedNames(files, request)) {
    plan.changes.push(...linkRemoval(files, join(request.linkDirectory, name)));
    const unitFile = unitFileOf(request.namespace, name);
    if (unitFile === undefined || files.stat(unitFile) === undefined) continue;
    if (isMadeBy(files, unitFile, revisionName)) plan.changes.push(...fileRemoval(files, unitFile));
    else plan.keptUnits.push(unitFile);
  }
  return plan;
}

/** The names whose link is to go, the updater last. */
function linkedNames(files: Files, { source, linkDirectory, namespace }: UnlinkRequest): string[] {
  const names = programsIn(files, source);
  if (names === undefined) {
    throw new UpdateError("E_NO_PROGRAMS", `cannot unlink \`${source}\`: there is no such directory`, {
      hint: "install that version again, or remove its links by hand",
    });
  }
  const linked = names.filter((name) => linkEnd(files, join(linkDirectory, name)) === join(source, name));
  const updaterEnd = linkEnd(files, join(linkDirectory, UPDATER_NAME));
  const hasUpdater = linked.includes(UPDATER_NAME) || updaterEnd?.startsWith(`${namespace.updaterCopies}/`) === true;
  return [...linked.filter((name) => name !== UPDATER_NAME), ...(hasUpdater ? [UPDATER_NAME] : [])];
}

function unitFileOf(namespace: Namespace, program: string): string | undefined {
  if (program === "teleport") return namespace.teleport.unitFile;
  return program === "tbot" ? namespace.tbot.unitFile : undefined;
}

function isMadeBy(files: Files, unitFile: string, revisionName: string): boolean {
  if (files.stat(unitFile)?.kind !== "file") return false;
  return files.readText(unitFile, UNIT_SIZE_LIMIT)?.startsWith(markerOf(revisionName)) === true;
}

function linkRemoval(files: Files, path: string): Change[] {
  const before = files.readLink(path);
  return before === undefined ? [] : [{ kind: "link", path, before, after: null }];
}
