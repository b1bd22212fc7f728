import { join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../platform/build-info.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { escapeControls } from "../platform/plain-text.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatRevision, type Revision } from "../settings/revision.ts";

/*
 * The history of a namespace, `<ns>/history.jsonl`: one line of JSON an action, oldest first. It is a log, not a state:
 * nothing is decided by it, and a line that cannot be written is only warned about.
 */

/** What is told of an action while it goes on; absent is what it did not come to. */
export interface Action {
  from?: Revision;
  to?: Revision;
  /** By what the release was accepted. */
  proof?: string;
  /** The host is to be changed from here on; what ends before that is not worth a line, or an outage would fill the history. */
  isBegun?: boolean;
}

/** An action under way. */
export interface RunningAction extends Action {
  /** Writes its line at once: what may still follow is to be done, and a kill in it must not cost the line. */
  writeDone(proof?: string): void;
}

/** One line, as it is stored and shown. */
export interface HistoryEntry {
  /** When it began, RFC 3339 in UTC. */
  time: string;
  command: string;
  outcome: "done" | "failed";
  from?: string;
  to?: string;
  proof?: string;
  /** The code of the failure, and its message. */
  code?: string;
  error?: string;
  seconds: number;
  updater: string;
}

/** Some two thousand actions; beyond that the older half goes. */
const SIZE_LIMIT = 512 << 10;
const READ_LIMIT = 4 * SIZE_LIMIT;
const ERROR_LIMIT = 1000;
const PRIVATE_MODE = 0o600;
/** What `seconds` may be short of. */
const ROUNDING_MS = 50;

export function historyPath(namespace: Namespace): string {
  return join(namespace.directory, "history.jsonl");
}

/** Does `work` and records how it ended; `work` says what it is about as it finds out. Needs the lock of the namespace. */
export async function recorded<T>(
  world: World,
  namespace: Namespace,
  command: string,
  work: (action: RunningAction) => Promise<T>,
): Promise<T> {
  let isWritten = false;
  const action: RunningAction = {
    writeDone(proof) {
      if (proof !== undefined) action.proof = proof;
      if (action.isBegun && !isWritten) append(world, namespace, entry());
      isWritten = true;
    },
  };
  const start = world.clock.now();
  const startMs = world.clock.elapsedMs();
  const entry = (): HistoryEntry => ({
    time: start.toISOString(),
    command,
    outcome: "done",
    ...(action.from && action.from.version !== "" && { from: formatRevision(action.from) }),
    ...(action.to && { to: formatRevision(action.to) }),
    ...(action.proof && { proof: action.proof }),
    seconds: Math.round((world.clock.elapsedMs() - startMs) / 100) / 10,
    updater: `${PROGRAM_VERSION}-${PROGRAM_BUILD}`,
  });
  try {
    const result = await work(action);
    action.writeDone();
    return result;
  } catch (error) {
    const code = isUpdateError(error) ? error.code : "E_INTERNAL";
    const message = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_LIMIT);
    if (action.isBegun) append(world, namespace, { ...entry(), outcome: "failed", code, error: message });
    throw error;
  }
}

/** Writes the line of an action that was killed before it could; `time` is within it. No second one where it has its line. */
export function recordLate(world: World, namespace: Namespace, entry: HistoryEntry): void {
  const time = Date.parse(entry.time);
  const covers = ({ time: start, seconds }: HistoryEntry) => {
    const startMs = Date.parse(start);
    return startMs <= time && time <= startMs + seconds * 1000 + ROUNDING_MS;
  };
  try {
    if (readHistory(world.files, namespace).some(covers)) return;
  } catch {
    // `append` says what is wrong with it.
  }
  append(world, namespace, entry);
}

/** The entries, oldest first; a line that is none of ours is left out. Fails with `E_UNREADABLE_FILE`. */
export function readHistory(files: Files, namespace: Namespace): HistoryEntry[] {
  const text = files.readOwn(historyPath(namespace), READ_LIMIT, "mark") ?? "";
  return text.split("\n").flatMap((line) => parseEntry(line) ?? []);
}

/** One line an action, for people. */
export function formatHistory(entries: readonly HistoryEntry[]): string {
  return entries.map((entry) => `${formatEntry(entry)}\n`).join("");
}

function formatEntry({ time, command, outcome, from, to, proof, code, error, seconds }: HistoryEntry): string {
  const move = to === undefined ? "" : ` ${from ?? "nothing"} -> ${to}`;
  const accepted = proof === undefined ? "" : `, accepted by its ${proof}`;
  const failure = code === undefined ? "" : `, ${code}: ${error}`;
  return escapeControls(`${time}  ${command}${move}: ${outcome} in ${seconds} s${accepted}${failure}`);
}

/** Where nothing is installed, there is nothing to keep a history of. */
function append({ files, log }: World, namespace: Namespace, entry: HistoryEntry): void {
  const path = historyPath(namespace);
  try {
    if (files.stat(namespace.directory) === undefined) return;
    const text = files.readOwn(path, READ_LIMIT, "mark") ?? "";
    const line = `${JSON.stringify(entry)}\n`;
    if ((files.stat(path)?.links ?? 1) > 1) replaceShared(files, path, text, line);
    else if (text.length >= SIZE_LIMIT) files.writeFile(path, newerHalf(text) + line, PRIVATE_MODE);
    // A line that was cut by a loss of power must not swallow this one.
    else files.appendFile(path, text === "" || text.endsWith("\n") ? line : `\n${line}`);
  } catch (error) {
    log.warn("The history cannot be written.", { path, error: error instanceof Error ? error.message : String(error) });
  }
}

/** A file with another name may be anything of root's: it is not written into, and of its text only our lines come along. */
function replaceShared(files: Files, path: string, text: string, line: string): void {
  const ours = text.split("\n").filter((one) => parseEntry(one) !== undefined);
  files.writeFile(path, [...ours, line].join("\n"), PRIVATE_MODE);
  // It has the mode of what it replaces.
  files.setMode(path, PRIVATE_MODE);
}

function newerHalf(text: string): string {
  const middle = text.indexOf("\n", text.length / 2);
  return middle < 0 ? "" : text.slice(middle + 1);
}

function parseEntry(line: string): HistoryEntry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isEntry = typeof value === "object" && value !== null && "time" in value && "command" in value;
    return isEntry ? (value as HistoryEntry) : undefined;
  } catch {
    return undefined;
  }
}
