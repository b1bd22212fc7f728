import { join } from "node:path";
import { sha256Each } from "#variant/digest";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import { shellWord } from "../platform/quote.ts";
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

/** A line each, with its end. */
export function formatRecords(values: readonly JournalRecord[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  const digests = digestsOf(texts);
  return texts.map((text, at) => `${digests[at]} ${text}\n`).join("");
}

/** What each line (without its end) says; undefined for one that is not whole. */
export function readRecords(lines: readonly string[]): (object | undefined)[] {
  const texts = lines.map((line) => line.slice(DIGEST_LENGTH + 1));
  const digests = digestsOf(texts);
  return lines.map((line, at) => {
    const isWhole = line.slice(0, DIGEST_LENGTH + 1) === `${digests[at]} `;
    return isWhole ? parseObject(texts[at] ?? "") : undefined;
  });
}

export function journalError(path: string, reason: string): UpdateError {
  return new UpdateError("E_JOURNAL", `the journal \`${path}\` of an interrupted run cannot be followed: ${reason}`, {
    hint: `move it away, and run \`teleport-update enable\`, which puts every link and unit in its place, but brings nothing back that the run had replaced: \`mv ${shellWord(path)} ${shellWord(`${path}.bad`)}\``,
  });
}

function digestsOf(texts: readonly string[]): string[] {
  const digests = sha256Each(texts.map((text) => Buffer.from(text)));
  return digests.map((digest) => Buffer.from(digest).toString("hex").slice(0, DIGEST_LENGTH));
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
