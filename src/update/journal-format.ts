import { join } from "node:path";
import type { Change } from "../platform/change.ts";
import { sha256 } from "../platform/digest.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Namespace } from "../settings/namespace.ts";

/*
 * The journal of a transaction, `<ns>/update.journal`: one line a record, `<digest> <JSON>`, each synced before what it
 * announces is done. The first record is the header, then come the changes with all that their undo needs, a note for each
 * that was undone, and last the outcome; then the file goes. So a file that is there tells of a run that did not come to its
 * end, a last line that is not whole announces a change that was not begun, and any other line that is not whole was not
 * written by us.
 */

/** Grows only when an older release could not undo what a newer one wrote. */
export const JOURNAL_VERSION = 2;
const DIGEST_LENGTH = 16;

export interface JournalHeader {
  journal: number;
  /** Which build of the updater, and when. */
  updater: string;
  started: string;
}

/** `committed`: the new state counts. `undone`: the old one does. Either way nothing is left to do but to drop the file. */
export type Outcome = "committed" | "undone";

/** `undone` is the place of a change among those of the journal. */
export type JournalRecord = JournalHeader | { change: Change } | { undone: number } | { outcome: Outcome };

export function journalPath(namespace: Namespace): string {
  return join(namespace.directory, "update.journal");
}

/** One line, with its end. */
export function formatRecord(value: JournalRecord): string {
  const text = JSON.stringify(value);
  return `${digestOf(text)} ${text}\n`;
}

/** Undefined for a line (without its end) that is not whole. */
export function readRecord(line: string): object | undefined {
  const text = line.slice(DIGEST_LENGTH + 1);
  if (line.slice(0, DIGEST_LENGTH + 1) !== `${digestOf(text)} `) return undefined;
  return parseObject(text);
}

export function journalError(path: string, reason: string): UpdateError {
  return new UpdateError("E_JOURNAL", `the journal \`${path}\` of an interrupted run cannot be followed: ${reason}`, {
    hint: `move it away, and run \`teleport-update enable\`, which puts every link and unit in its place: \`mv ${path} ${path}.bad\``,
  });
}

function digestOf(text: string): string {
  return Buffer.from(sha256(Buffer.from(text)))
    .toString("hex")
    .slice(0, DIGEST_LENGTH);
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
