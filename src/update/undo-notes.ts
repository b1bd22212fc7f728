import { succeeds } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatRecords, journalPath, readRecords } from "./journal-format.ts";
import type { UnfinishedRun } from "./read-journal.ts";

/**
 * Notes in the journal which changes are undone, so that the next run goes on where this one had to leave off: to undo a
 * change again is harmless only while nothing before it was undone. A note that cannot be written ends them all; then the
 * next run begins anew.
 */
export class UndoNotes {
  readonly #files: Files;
  readonly #path: string;
  #isGoing: boolean;

  constructor(files: Files, path: string, isGoing: boolean) {
    this.#files = files;
    this.#path = path;
    this.#isGoing = isGoing;
  }

  /** The change with this place in the journal is undone. */
  note(index: number): void {
    this.#isGoing &&= succeeds(() => this.#files.appendFile(this.#path, formatRecords([{ undone: index }])));
  }
}

/** Makes the journal of an unfinished run ready for notes: what is torn at its end goes. */
export function resumeUndo(files: Files, namespace: Namespace, { text }: UnfinishedRun): UndoNotes {
  const path = journalPath(namespace);
  const lines = text.split("\n").slice(0, -1);
  const records = readRecords(lines);
  const whole = lines
    .filter((_, at) => records[at] !== undefined)
    .map((line) => `${line}\n`)
    .join("");
  const isGoing = whole === text || succeeds(() => files.writeFile(path, whole));
  return new UndoNotes(files, path, isGoing);
}
