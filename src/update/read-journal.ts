import type { Change, ChangeKind } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { isTrustedOwner } from "../platform/ownership.ts";
import type { Namespace } from "../settings/namespace.ts";
import {
  JOURNAL_VERSION,
  type JournalHeader,
  journalError,
  journalPath,
  type Outcome,
  readRecords,
} from "./journal-format.ts";

const SIZE_LIMIT = 32 << 20;

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

/** A run that came to its end, and was killed before it could drop its journal. */
export type EndedRun = Pick<UnfinishedRun, "updater" | "started" | "changes"> & { outcome: Outcome };

/** What an earlier run left: undefined when it came to its end. Fails, and `onTorn` hears, as with `readAnyRun`. */
export function readJournal(
  files: Files,
  namespace: Namespace,
  onTorn?: (line: number) => void,
): UnfinishedRun | undefined {
  const run = readAnyRun(files, namespace, onTorn);
  return run === undefined || "outcome" in run ? undefined : run;
}

/**
 * What the journal tells: of a run that is to be undone, or of one that came to its end; undefined where it tells of none.
 * Fails with `E_JOURNAL`, in words, for a file that is not ours alone to write, too long, of a newer release, or damaged: such
 * a file is never followed. `onTorn` hears the number of a last line that is not whole, and passed over.
 */
export function readAnyRun(
  files: Files,
  namespace: Namespace,
  onTorn: (line: number) => void = () => {},
): UnfinishedRun | EndedRun | undefined {
  const path = journalPath(namespace);
  const stat = files.stat(path);
  if (stat === undefined) return undefined;
  // For words only: a file of a tree behind `--root` is named by where this machine has it.
  const shown = files.real(path);
  if (stat.kind !== "file") throw journalError(shown, "it is not a regular file");
  if ((stat.mode & 0o022) !== 0 || !isTrustedOwner(stat.owner)) {
    throw journalError(shown, "others than the updater may write it");
  }
  const text = readBounded(files, path, shown);
  const [header, ...records] = wholeRecords(shown, text, onTorn);
  if (header === undefined) return undefined;
  const { updater, started } = readHeader(shown, header);
  const changes: Change[] = [];
  const undone = new Set<number>();
  for (const each of records) {
    if ("outcome" in each) {
      return { updater, started, changes, outcome: each.outcome === "undone" ? "undone" : "committed" };
    }
    if ("undone" in each) undone.add(readIndex(shown, each.undone, changes.length));
    else changes.push(readChange(shown, each));
  }
  return { updater, started, changes, undone, text };
}

/** Drops what was read; whatever it announced is undone or of no account. */
export function dropJournal(files: Files, namespace: Namespace): void {
  files.removeFile(journalPath(namespace));
}

/** That it is a regular file was seen before, and no text is refused: what speaks against reading it is its length. */
function readBounded(files: Files, path: string, shown: string): string {
  try {
    return files.readPlantable(path, SIZE_LIMIT, "mark") ?? "";
  } catch (error) {
    if (!isUpdateError(error, "E_UNREADABLE_FILE")) throw error;
    throw journalError(shown, `it is larger than ${SIZE_LIMIT >> 20} MiB, and so much no run writes`);
  }
}

/** The last line may be torn, as the power can go while it is written; what it announces was not begun then. */
function wholeRecords(path: string, text: string, onTorn: (line: number) => void): object[] {
  const lines = text.split("\n");
  const rest = lines.pop();
  if (rest !== "") onTorn(lines.length + 1);
  const records: object[] = [];
  for (const [index, value] of readRecords(lines).entries()) {
    if (value !== undefined) records.push(value);
    else if (index < lines.length - 1) throw journalError(path, `line ${index + 1} is damaged`);
    else if (rest === "") onTorn(index + 1);
  }
  return records;
}

function readHeader(path: string, header: object): JournalHeader {
  const version = "journal" in header ? header.journal : undefined;
  if (typeof version !== "number") throw journalError(path, "it has no header");
  if (version > JOURNAL_VERSION) {
    throw new UpdateError("E_JOURNAL", `\`${path}\` was written by a newer release of this updater`, {
      hint: "run that release, so that it finishes or undoes what it began",
    });
  }
  return header as JournalHeader;
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
