import { PROGRAM_BUILD, PROGRAM_VERSION } from "../platform/build-info.ts";
import type { Change } from "../platform/change.ts";
import { succeeds } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import {
  formatRecords,
  JOURNAL_VERSION,
  type JournalHeader,
  journalError,
  journalPath,
  type Outcome,
} from "./journal-format.ts";
import { noteLinks } from "./note-links.ts";
import { UndoNotes } from "./undo-notes.ts";
import { UndoReserve } from "./undo-reserve.ts";

/** As `appendFile` makes it. */
const JOURNAL_MODE = 0o600;

/** Writes the journal of one transaction. The file is made with the first change, so a run that changes nothing leaves none. */
export class Journal {
  readonly #files: Files;
  readonly #namespace: Namespace;
  readonly #path: string;
  readonly #started: Date;
  readonly #reserve: UndoReserve;
  /** Of changes that are not announced yet. */
  readonly #prepared = new Map<Change, string>();
  /** All that was announced, as it must stand in the file while it is undone. */
  #text = "";
  #isOpen = false;
  #isTorn = false;
  #isEndDoubtful = false;

  constructor(files: Files, namespace: Namespace, started: Date) {
    this.#files = files;
    this.#namespace = namespace;
    this.#path = journalPath(namespace);
    this.#started = started;
    this.#reserve = new UndoReserve(files, namespace);
  }

  /** Makes the lines of changes that are announced soon, all at once: their digests may be another program's work. */
  prepare(changes: readonly Change[]): void {
    const unprepared = changes.filter((change) => !this.#prepared.has(change));
    if (unprepared.length === 0) return;
    const noted = noteLinks(this.#files, this.#namespace, unprepared);
    const lines = formatRecords(noted.map((change) => ({ change }))).split("\n");
    for (const [at, change] of unprepared.entries()) this.#prepared.set(change, `${lines[at]}\n`);
  }

  /** Announces changes, with room for their undo; they may be made once this returns. */
  announce(changes: readonly Change[]): void {
    if (!this.#isOpen && this.#files.stat(this.#path) !== undefined) {
      throw journalError(this.#files.real(this.#path), "an earlier run is still to be undone");
    }
    const header: JournalHeader = {
      journal: JOURNAL_VERSION,
      updater: `${PROGRAM_VERSION}-${PROGRAM_BUILD}`,
      started: this.#started.toISOString(),
    };
    this.prepare(changes);
    const lines = changes.map((change) => this.#prepared.get(change)).join("");
    const text = this.#isOpen ? lines : `${formatRecords([header])}${lines}`;
    try {
      this.#reserve.growFor(changes);
      this.#files.appendFile(this.#path, text);
    } catch (error) {
      // What came of the line is not known, so nothing may follow it.
      this.#isTorn = true;
      if (!this.#isOpen) this.#dropUnused();
      throw error;
    }
    this.#isOpen = true;
    this.#text += text;
  }

  /**
   * Frees the room that is kept for the undo, which is about to begin; answers where to note what is undone. Undefined when
   * nothing may be undone, as the disk may hold that the run has come to its end: the next one would leave an undo half done.
   */
  beginUndo(): UndoNotes | undefined {
    this.#reserve.free();
    const isThere = !this.#isEndDoubtful || succeeds(() => this.#files.writeFile(this.#path, this.#text, JOURNAL_MODE));
    if (!isThere) return undefined;
    this.#isEndDoubtful = false;
    return new UndoNotes(this.#files, this.#path, this.#isOpen && !this.#isTorn);
  }

  /**
   * Says how it ended, and drops the file. Either of the two will do: a full disk takes no more lines, but it lets go of a
   * file. Fails when neither can be done; then what came of the file is not known.
   */
  end(outcome: Outcome): void {
    if (!this.#isOpen) return;
    const isSaid = succeeds(() => this.#files.appendFile(this.#path, formatRecords([{ outcome }])));
    this.#isEndDoubtful = !isSaid;
    if (isSaid) succeeds(() => this.#files.removeFile(this.#path));
    else this.#files.removeFile(this.#path);
    this.#isEndDoubtful = false;
    this.#isOpen = false;
    this.#reserve.free();
  }

  /** Nothing was begun, so there is nothing to recover either; what cannot be removed is dropped by the next run. */
  #dropUnused(): void {
    succeeds(() => this.#files.removeFile(this.#path));
    this.#reserve.free();
  }
}
