import { writeSync } from "node:fs";
import { systemErrorCode, UpdateError } from "../platform/errors.ts";

const STDOUT = 1;
const STDERR = 2;
const RETRY_MS = 5;

/** Writes data to stdout, all of it; a full disk or a closed pipe fails with `E_IO`. */
export function writeOutput(text: string): void {
  try {
    writeAll(STDOUT, text);
  } catch (error) {
    const reason = systemErrorCode(error) ?? String(error);
    throw new UpdateError("E_IO", `standard output cannot be written: ${reason}`, { cause: error });
  }
}

/** Writes talk to stderr; when nobody can hear it, the work goes on. */
export function writeTalk(text: string): void {
  try {
    writeAll(STDERR, text);
  } catch {}
}

function writeAll(descriptor: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // A pipe that another program set to non-blocking is full: wait for its reader.
      if (systemErrorCode(error) !== "EAGAIN") throw error;
      Bun.sleepSync(RETRY_MS);
    }
  }
}
