import type { Log, LogAttributes } from "../../src/platform/log.ts";

export interface LoggedLine {
  level: keyof Log;
  message: string;
  attributes: LogAttributes | undefined;
}

/** A log that keeps its lines, and tells of each as it comes. */
export function recordingLog(onLine: (line: LoggedLine) => void = () => {}): Log & { lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const keep = (level: keyof Log) => (message: string, attributes?: LogAttributes) => {
    lines.push({ level, message, attributes });
    onLine({ level, message, attributes });
  };
  return { lines, debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
}
