import type { Log } from "../platform/log.ts";
import type { Terminal } from "../platform/world.ts";

/** Where a download tells how far it is. */
export interface Progress {
  /** `total` in bytes, undefined when the server does not tell. */
  start(file: string, total: number | undefined): void;
  advance(bytes: number): void;
  end(): void;
}

const LINES = 5;
const MEGABYTE = 1_000_000;

/** For a journal, which would keep every repaint of a bar. At most five lines for a whole file: `Downloading file:… progress:20%` (installer-systemd §1.5, step 5). */
export function progressLines(log: Log): Progress {
  let file = "";
  let next: (bytes: number) => number | undefined = () => undefined;
  return {
    start(name, total) {
      file = name;
      next = total === undefined ? () => undefined : progressSteps(total, LINES);
    },
    advance(bytes) {
      const percent = next(bytes);
      if (percent !== undefined) log.info("Downloading", { file, progress: `${percent}%` });
    },
    end() {},
  };
}

/**
 * Answers for each write the percentage to tell, or undefined: the n-th line is due once n of `lines` parts of `total`
 * bytes are there, and a write makes one line at most (installer-systemd §8.7).
 */
export function progressSteps(total: number, lines: number): (bytes: number) => number | undefined {
  let received = 0;
  let told = 0;
  return (bytes) => {
    received += bytes;
    if (received < (total * (told + 1)) / lines) return undefined;
    told += 1;
    return Math.floor((received * 100) / total);
  };
}

/** For somebody who looks at it: one line that is painted over when its text changes, and wiped at the end. */
export function progressBar(terminal: Terminal): Progress {
  let file = "";
  let total: number | undefined;
  let received = 0;
  let shown = "";
  const paint = () => {
    const line = barLine(file, received, total, terminal.columns ?? 80);
    if (line === shown) return;
    terminal.write(`\r\x1b[K${line}`);
    shown = line;
  };
  return {
    start(name, bytes) {
      file = name;
      total = bytes;
      received = 0;
      paint();
    },
    advance(bytes) {
      received += bytes;
      paint();
    },
    end() {
      if (shown !== "") terminal.write("\r\x1b[K");
      shown = "";
    },
  };
}

/** `teleport-v18.1.0-linux-amd64-bin.tar.gz  [#####.....]  50%  88/176 MB`, never wider than the terminal. */
export function barLine(file: string, received: number, total: number | undefined, columns: number): string {
  const megabytes = Math.floor(received / MEGABYTE);
  if (total === undefined || total === 0) return `${file}  ${megabytes} MB`.slice(0, columns - 1);
  const share = Math.min(1, received / total);
  const tail = `${String(Math.floor(share * 100)).padStart(3)}%  ${megabytes}/${Math.floor(total / MEGABYTE)} MB`;
  const width = Math.min(40, columns - file.length - tail.length - 7);
  if (width < 5) return `${file}  ${tail}`.slice(0, columns - 1);
  const filled = Math.floor(share * width);
  return `${file}  [${"#".repeat(filled)}${".".repeat(width - filled)}]  ${tail}`;
}
