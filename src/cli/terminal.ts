import { isatty } from "node:tty";
import type { LogFormat } from "../platform/consola-log.ts";
import type { Terminal } from "../platform/world.ts";
import { writeTalk } from "./output.ts";
import type { EnvironmentValues } from "./program.ts";

const STDERR = 2;
const USUAL_COLUMNS = 80;

/** Where a progress bar may be drawn: stderr, when a person reads it there and has not asked for plain lines. */
export function terminalFor(environment: EnvironmentValues, logFormat: LogFormat): Terminal | undefined {
  const wantsLines = logFormat !== "text" || environment["JOURNAL_STREAM"] || environment["NO_COLOR"];
  if (wantsLines || !isatty(STDERR)) return undefined;
  return {
    get columns() {
      return process.stderr.columns ?? USUAL_COLUMNS;
    },
    write: writeTalk,
  };
}
