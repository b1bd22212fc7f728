import { write } from "node:fs";
import { systemErrorCode } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";

/** Writes lines for somebody who may be slow to read them, or never do. */
export interface LineWriter {
  /** Never waits: a line (with its end) that finds no room is dropped, and told of when there is some again. */
  write(line: string): void;
  /** When all is written, but after so long at the latest. */
  ended(graceMs: number): Promise<void>;
}

/** What may wait to be written, in characters. */
const ROOM = 1 << 20;
const RETRY_MS = 50;

/** Writes the access log. What nobody keeps is no reason to leave the hosts without their mirror: losses are told to `log`. */
export function lineWriter(descriptor: number, log: Pick<Log, "warn">): LineWriter {
  let waiting: string[] = [];
  let size = 0;
  let dropped = 0;
  let isFailing = false;
  let writing: Promise<void> | undefined;

  const writeWaiting = async () => {
    while (waiting.length > 0) {
      const text = waiting.join("");
      [waiting, size] = [[], 0];
      try {
        await writeAll(descriptor, Buffer.from(text));
        isFailing = false;
      } catch (error) {
        if (!isFailing)
          log.warn("The access log cannot be written; serving goes on.", { error: systemErrorCode(error) });
        isFailing = true;
      }
      if (dropped > 0) log.warn("The access log is not read fast enough: lines are missing.", { lines: dropped });
      dropped = 0;
    }
    writing = undefined;
  };
  return {
    write(line) {
      if (size + line.length > ROOM) {
        dropped += 1;
        return;
      }
      waiting.push(line);
      size += line.length;
      writing ??= writeWaiting();
    },
    async ended(graceMs) {
      await Promise.race([writing, Bun.sleep(graceMs)]);
      const lines = dropped + waiting.length;
      if (writing !== undefined) log.warn("The access log is not read: lines are missing.", { lines });
    },
  };
}

/** In the background: in the foreground a full pipe would hold the whole program. */
async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) {
    try {
      const part = rest;
      const count = await new Promise<number>((resolve, reject) => {
        write(descriptor, part, (error, written) => (error === null ? resolve(written) : reject(error)));
      });
      rest = rest.subarray(count);
    } catch (error) {
      // A pipe that another program set to non-blocking is full.
      if (systemErrorCode(error) !== "EAGAIN") throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
}
