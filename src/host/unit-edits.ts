import { basename, dirname, join } from "node:path";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { UNIT_MARKER } from "../settings/custom-tbot.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import { fileRemoval } from "./file-changes.ts";
import { linkEnd } from "./linked.ts";
import { markerOf } from "./marker.ts";
import { type Notice, warn } from "./notices.ts";
import { differingLines, isSameUnit } from "./unit-difference.ts";
import { digestsOf, ownUnits, readUnit, readUnitRecord } from "./unit-record.ts";

/** A unit with an operator's work in it, which a setup is about to replace. */
export interface EditedUnit {
  path: string;
  text: string;
  mode: number;
  /** Where the text survives: beside the unit, under a name that systemd passes over. */
  keptAt: string;
}

interface EditSearch {
  manageTbot: boolean;
  linkDirectory: string;
  /** Goes into the names of the copies. */
  now: Date;
}

/**
 * The units of a namespace that somebody changed by hand since our last run, see `isOperatorsWork`. Nothing is known of a
 * host that another updater took over in between, which shows by its link: what it wrote is no edit.
 */
export function findEditedUnits(files: Files, namespace: Namespace, search: EditSearch): EditedUnit[] {
  const record = isInOtherHands(files, namespace, search.linkDirectory) ? undefined : readUnitRecord(files, namespace);
  const units = ownUnits(namespace, search.manageTbot).flatMap((path) => {
    const text = readUnit(files, path);
    const mode = files.stat(path)?.mode;
    return text === undefined || mode === undefined ? [] : [{ path, text, mode }];
  });
  const digests = record === undefined ? [] : digestsOf(units.map(({ text }) => text));
  return units.flatMap(({ path, text, mode }, at) => {
    const recorded = record?.digests.get(path);
    const known = record && {
      revisionName: record.revisionName,
      isAsRecorded: recorded === undefined ? undefined : recorded === digests[at],
    };
    if (!isOperatorsWork(text, path === namespace.tbot.unitFile, known)) return [];
    return [{ path, text, mode, keptAt: `${path}.edited-${timeStamp(search.now)}` }];
  });
}

/** What our record says about one unit. */
interface KnownUnit {
  revisionName: string;
  /** Undefined when it has no line in the record. */
  isAsRecorded: boolean | undefined;
}

/**
 * Whether the text of a unit is an operator's work, told from what a setup wrote:
 * - The text that we recorded is a setup's, and so is every text that we know nothing of: no record, or no line in it.
 * - A text that begins with a marker, but not with that of the recorded run, was written by a later setup, of upstream's
 *   updater or of an older one of ours, neither of which keeps our record. An operator who edits leaves the marker.
 * - Every other text is an operator's: under the marker of the recorded run, or without any.
 * - A bot's unit without a marker is somebody's own by the contract (installer-systemd §3.8), recorded or not; that it is
 *   being replaced takes `--overwrite`.
 */
export function isOperatorsWork(text: string, isBot: boolean, known: KnownUnit | undefined): boolean {
  const hasMarker = text.startsWith(UNIT_MARKER) || text.startsWith(`${UNIT_MARKER.trimEnd()}\n`);
  if (isBot && !hasMarker) return true;
  if (known?.isAsRecorded !== false) return false;
  return !hasMarker || text.startsWith(markerOf(known.revisionName));
}

/** Keeps the edited texts; made before anything replaces them. */
export function planKeptCopies(edits: readonly EditedUnit[]): Change[] {
  return edits.map(({ text, mode, keptAt }) => ({
    kind: "file",
    path: keptAt,
    before: null,
    after: { content: text, mode },
  }));
}

/** Takes back, once the setup is through, the copies of texts that it left or wrote as they were: nothing was lost. */
export function planNeedlessCopies(files: Files, edits: readonly EditedUnit[]): Change[] {
  return edits.filter((edit) => !isLost(files, edit)).flatMap(({ keptAt }) => fileRemoval(files, keptAt));
}

/** What to say about the edits that were replaced: where they are now, what changed line by line, and the way that lasts. */
export async function editNotices(files: Files, edits: readonly EditedUnit[]): Promise<Notice[]> {
  const lost = edits.filter((edit) => isLost(files, edit));
  return (await Promise.all(lost.map((edit) => lostEdit(files, edit)))).flat();
}

async function lostEdit(files: Files, { path, text, keptAt }: EditedUnit): Promise<Notice[]> {
  const lines = await differingLines(text, readUnit(files, path) ?? "");
  return [
    warn("A unit that was changed by hand is replaced, and its text is kept.", { path, kept: keptAt }),
    ...lines.map((line) => warn(line)),
    warn("A change that shall last belongs in a drop-in of your own, which no update touches.", {
      command: `systemctl edit ${unitOf(path)}`,
    }),
  ];
}

function isLost(files: Files, { path, text }: EditedUnit): boolean {
  return !isSameUnit(text, readUnit(files, path) ?? "");
}

/** `teleport.service` for that unit, and for a drop-in in `teleport.service.d`. */
function unitOf(path: string): string {
  const folder = basename(dirname(path));
  return folder.endsWith(".d") ? folder.slice(0, -".d".length) : basename(path);
}

/** Whatever `<path>/teleport-update` leads to is what keeps the host; no link there tells nothing. */
function isInOtherHands(files: Files, namespace: Namespace, linkDirectory: string): boolean {
  const end = linkEnd(files, join(linkDirectory, UPDATER_NAME));
  return end !== undefined && !end.startsWith(`${namespace.updaterCopies}/`);
}

/** `20300203T040506Z`. */
function timeStamp(time: Date): string {
  return time.toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
}
