import { type ConsolaReporter, createConsola, LogLevels, type LogObject } from "consola/core";
import type { Log, LogAttributes } from "./log.ts";
import { escapeControls } from "./plain-text.ts";

export type LogFormat = "text" | "json";

interface LogSettings {
  format: LogFormat;
  /** Whether debug lines are written. */
  debug: boolean;
  /** Takes each line whole, with its end. */
  write: (line: string) => void;
}

/** The log over consola with the layout of the contract (updater-core §1.5): one line an entry, and no colour. */
export function createLog({ format, debug, write }: LogSettings): Log {
  const render = format === "json" ? jsonLine : textLine;
  const reporter: ConsolaReporter = { log: (entry) => write(`${render(readEntry(entry))}\n`) };
  const consola = createConsola({
    level: debug ? LogLevels.debug : LogLevels.info,
    reporters: [reporter],
    // By default repeated lines are held back and folded; a log says when each thing happened.
    throttleMin: Number.POSITIVE_INFINITY,
  });
  return {
    debug: (message, attributes) => consola.debug(message, attributes),
    info: (message, attributes) => consola.info(message, attributes),
    warn: (message, attributes) => consola.warn(message, attributes),
    error: (message, attributes) => consola.error(message, attributes),
  };
}

interface Entry {
  date: Date;
  level: string;
  message: string;
  attributes: LogAttributes;
}

function readEntry({ date, type, args: [message, attributes] }: LogObject): Entry {
  return { date, level: type, message: String(message), attributes: attributes ?? {} };
}

/** `2030-02-03T04:05:06.789Z INFO  [UPDATER]   Message. key:value key:"two words"`. */
function textLine({ date, level, message, attributes }: Entry): string {
  const pairs = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${escapeControls(key)}:${textValue(String(value))}`);
  const head = `${date.toISOString()} ${level.toUpperCase().padEnd(5)} [UPDATER]   `;
  return head + escapeControls(message) + pairs.join("");
}

function textValue(text: string): string {
  const isPlain = /^[^\s"\\]+$/.test(text) && escapeControls(text) === text;
  return isPlain ? text : escapeControls(JSON.stringify(text));
}

function jsonLine({ date, level, message, attributes }: Entry): string {
  const fixed = { component: "updater", level, message, timestamp: date.toISOString() };
  // `JSON.stringify` leaves some characters that a terminal acts on; all of them stand inside strings.
  return escapeControls(JSON.stringify({ ...fixed, ...attributes, ...fixed }));
}
