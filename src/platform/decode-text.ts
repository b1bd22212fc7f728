import { isUtf8 } from "node:buffer";
import { UpdateError } from "./errors.ts";
import type { NotText } from "./files.ts";

/**
 * The text of the file at `path`; a byte order mark stays. What is no UTF-8 would be lost when the text is written again,
 * so it fails with `E_UNREADABLE_FILE`, naming the line; with `mark` each such byte reads as U+FFFD.
 */
export function decodeText(bytes: Buffer, path: string, notText: NotText): string {
  if (notText === "refuse" && !isUtf8(bytes)) {
    throw new UpdateError("E_UNREADABLE_FILE", `line ${oddLine(bytes)} of \`${path}\` is not text in UTF-8`, {
      hint: `mend that line, like with \`iconv -f ISO-8859-1 -t UTF-8\`, or move the file away`,
    });
  }
  return bytes.toString("utf8");
}

const LINE_FEED = 10;

function oddLine(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line += 1) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
