import { join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../platform/build-info.ts";
import type { Change, ChangeKind } from "../platform/change.ts";
import { sha256 } from "../platform/digest.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { UndoReserve } from "./undo-reserve.ts";

/*
 * The journal of a transaction, `<ns>/update.journal`: one line a record, `<digest> <JSON>`, each synced before what it
 * announces is done. The first record is the header, then come the changes with all that their undo needs, a note for each
 * that was undone, and last the outcome; then the file goes. So a file that is there tells of a run that did not come to its
 * end, a last line that is not whole announces a change that was not begun, and any other line that is not whole was not
 * written by us.
 */

/** Grows only when an older release could not undo what a newer one wrote. */
const JOURNAL_VERSION = 2;
const SIZE_LIMIT = 32 << 20;
const DIGEST_LENGTH = 16;

interface Header {
  journal: number;
  updater: string;
  started: string;
}

/** `committed`: the new state counts. `undone`: the old one does. Either way nothing is left to do but to drop the file. */
export type Outcome = "committed" | "undone";

/** A run that did not come to its end. */
export interface UnfinishedRun {
  /** Which build of the updater, and when; for messages. */
  updater: string;
  started: string;
  changes: Change[];
  /** The places, in that list, of what is undone already. */
  undone: ReadonlySet<number>;
  /** The journal as it was read. */
  text: string;
}

export function journalPath(namespace: Namespace): string {
  return join(namespace.directory, "update.journal");
}

/** Writes the journal of one transaction. The file is made with the first change, so a run that changes nothing leaves none. */
export class Journal {
  readonly #files: Files;
  readonly #path: string;
  readonly #started: Date;
  readonly #reserve: UndoReserve;
  #isOpen = false;
  #isTorn = false;

  constructor(files: Files, namespace: Namespace, started: Date) {
    this.#files = files;
    this.#path = journalPath(namespace);
    this.#started = started;
    this.#reserve = new UndoReserve(files, namespace);
  }

  /** Announces changes, with room for their undo; they may be made once this returns. */
  announce(changes: readonly Change[]): void {
    if (!this.#isOpen && this.#files.stat(this.#path) !== undefined) {
      throw journalError(this.#path, "an earlier run is still to be undone");
    }
    const header: Header = {
      journal: JOURNAL_VERSION,
      updater: `${PROGRAM_VERSION}-${PROGRAM_BUILD}`,
      started: this.#started.toISOString(),
    };
    const lines = changes.map((change) => record({ change }));
    try {
      this.#reserve.growFor(changes);
      this.#files.appendFile(this.#path, (this.#isOpen ? lines : [record(header), ...lines]).join(""));
    } catch (error) {
      // What came of the line is not known, so nothing may follow it.
      this.#isTorn = true;
      if (!this.#isOpen) this.#dropUnused();
      throw error;
    }
    this.#isOpen = true;
  }

  /** Frees the room that is kept for the undo, which is about to begin; answers where to note what is undone. */
  beginUndo(): UndoNotes {
    this.#reserve.free();
    return new UndoNotes(this.#files, this.#path, !this.#isTorn);
  }

  /**
   * Says how it ended, and drops the file. Either of the two will do: a full disk takes no more lines, but it lets go of a
   * file. Fails when neither can be done.
   */
  end(outcome: Outcome): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const isSaid = succeeds(() => this.#files.appendFile(this.#path, record({ outcome })));
    if (isSaid) succeeds(() => this.#files.removeFile(this.#path));
    else this.#files.removeFile(this.#path);
    this.#reserve.free();
  }

  /** Nothing was begun, so there is nothing to recover either; what cannot be removed is dropped by the next run. */
  #dropUnused(): void {
    succeeds(() => this.#files.removeFile(this.#path));
    this.#reserve.free();
  }
}

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
    this.#isGoing &&= succeeds(() => this.#files.appendFile(this.#path, record({ undone: index })));
  }
}

/** Makes the journal of an unfinished run ready for notes: what is torn at its end goes. */
export function resumeUndo(files: Files, namespace: Namespace, { text }: UnfinishedRun): UndoNotes {
  const path = journalPath(namespace);
  const whole = text
    .split("\n")
    .slice(0, -1)
    .filter((line) => readRecord(line) !== undefined)
    .map((line) => `${line}\n`)
    .join("");
  const isGoing = whole === text || succeeds(() => files.writeFile(path, whole));
  return new UndoNotes(files, path, isGoing);
}

/**
 * What an earlier run left: undefined when it came to its end. Fails with `E_JOURNAL`, in words, for a file that is not
 * ours alone to write, too long, of a newer release, or damaged: such a file is never followed.
 */
export function readJournal(files: Files, namespace: Namespace): UnfinishedRun | undefined {
  const path = journalPath(namespace);
  const stat = files.stat(path);
  if (stat === undefined) return undefined;
  if (stat.kind !== "file") throw journalError(path, "it is not a regular file");
  if ((stat.mode & 0o022) !== 0 || stat.owner !== process.geteuid?.()) {
    throw journalError(path, "others than the updater may write it");
  }
  const text = files.readPlantable(path, SIZE_LIMIT, "mark") ?? "";
  const [header, ...records] = wholeRecords(path, text);
  if (header === undefined) return undefined;
  const { updater, started } = readHeader(path, header);
  const changes: Change[] = [];
  const undone = new Set<number>();
  for (const each of records) {
    if ("outcome" in each) return undefined;
    if ("undone" in each) undone.add(readIndex(path, each.undone, changes.length));
    else changes.push(readChange(path, each));
  }
  return { updater, started, changes, undone, text };
}

/** Drops what was read; whatever it announced is undone or of no account. */
export function dropJournal(files: Files, namespace: Namespace): void {
  files.removeFile(journalPath(namespace));
}

function succeeds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (isUpdateError(error)) return false;
    throw error;
  }
}

function record(value: Header | { change: Change } | { undone: number } | { outcome: Outcome }): string {
  const text = JSON.stringify(value);
  return `${digestOf(text)} ${text}\n`;
}

function digestOf(text: string): string {
  return Buffer.from(sha256(Buffer.from(text)))
    .toString("hex")
    .slice(0, DIGEST_LENGTH);
}

/** The last line may be torn, as the power can go while it is written; what it announces was not begun then. */
function wholeRecords(path: string, text: string): object[] {
  const lines = text.split("\n");
  lines.pop();
  const records: object[] = [];
  for (const [index, line] of lines.entries()) {
    const value = readRecord(line);
    if (value !== undefined) records.push(value);
    else if (index < lines.length - 1) throw journalError(path, `line ${index + 1} is damaged`);
  }
  return records;
}

function readRecord(line: string): object | undefined {
  const text = line.slice(DIGEST_LENGTH + 1);
  if (line.slice(0, DIGEST_LENGTH + 1) !== `${digestOf(text)} `) return undefined;
  return parseObject(text);
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function readHeader(path: string, header: object): Header {
  const version = "journal" in header ? header.journal : undefined;
  if (typeof version !== "number") throw journalError(path, "it has no header");
  if (version > JOURNAL_VERSION) {
    throw new UpdateError("E_JOURNAL", `\`${path}\` was written by a newer release of this updater`, {
      hint: "run that release, so that it finishes or undoes what it began",
    });
  }
  return header as Header;
}

function readIndex(path: string, index: unknown, count: number): number {
  if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < count) return index;
  throw journalError(path, "it notes the undo of a change that it does not hold");
}

function readChange(path: string, value: object): Change {
  const change = "change" in value ? value.change : undefined;
  if (isChange(change)) return change;
  throw journalError(path, "it holds something else than changes");
}

/** The kinds and the texts that every kind goes by; the digest of the line says that the rest is as we wrote it. */
const KINDS = {
  directory: ["path"],
  file: ["path"],
  link: ["path"],
  move: ["from", "to"],
  remove: ["path"],
  "daemon-reload": ["when"],
  unit: ["unit"],
  setup: ["program"],
  "selinux-module": ["config"],
  reload: ["unit", "pidFile", "socket"],
} satisfies Record<ChangeKind, string[]>;

function isChange(value: unknown): value is Change {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  const entry = Object.entries(KINDS).find(([kind]) => kind === value.kind);
  const fields: Record<string, unknown> = { ...value };
  return entry?.[1].every((name) => typeof fields[name] === "string") === true;
}

function journalError(path: string, reason: string): UpdateError {
  return new UpdateError("E_JOURNAL", `the journal \`${path}\` of an interrupted run cannot be followed: ${reason}`, {
    hint: `move it away, and run \`teleport-update enable\`, which puts every link and unit in its place: \`mv ${path} ${path}.bad\``,
  });
}
