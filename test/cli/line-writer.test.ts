import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineWriter } from "../../src/cli/line-writer.ts";
import { must } from "../support/must.ts";
import { keptLog } from "../support/test-world.ts";

const LINE = `${"a".repeat(1023)}\n`;
const COUNT = 4096;

let directory = "";
let pipe = -1;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "lines-"));
  await must(["mkfifo", join(directory, "pipe")]);
  // For both ends, so that neither waits for the other.
  pipe = openSync(join(directory, "pipe"), constants.O_RDWR);
});
afterEach(() => {
  closeSync(pipe);
  rmSync(directory, { recursive: true });
});

test("[threat serve-limits] lines for a reader who does not read are dropped, and counted once it does", async () => {
  const log = keptLog();
  const lines = lineWriter(pipe, log);
  for (let at = 0; at < COUNT; at += 1) lines.write(LINE);
  await lines.ended(50);
  expect(log.lines.at(-1)).toMatch(/WARN The access log is not read: lines are missing\. lines:\d+$/);

  const chunk = Buffer.alloc(64 << 10);
  let kept = 0;
  let isOver = false;
  const over = lines.ended(60_000).then(() => {
    isOver = true;
  });
  const readAll = () => {
    const free = openSync(join(directory, "pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
    for (let count = 1; count > 0; kept += count) count = readOr(free, chunk);
    closeSync(free);
  };
  for (; !isOver; await Bun.sleep(1)) readAll();
  await over;
  // The last part may have come between the last look and the end.
  readAll();
  const told = log.lines.map((line) => Number(/fast enough: lines are missing\. lines:(\d+)$/.exec(line)?.[1] ?? 0));
  const dropped = told.reduce((sum, count) => sum + count, 0);
  expect(dropped).toBeGreaterThan(1000);
  expect(kept / LINE.length + dropped).toBe(COUNT);
});

test("what is written in time is all there", async () => {
  const path = join(directory, "file");
  const file = openSync(path, "w");
  const log = keptLog();
  const lines = lineWriter(file, log);
  for (const line of ["one\n", "two\n", "three\n"]) lines.write(line);
  await lines.ended(60_000);
  expect([await Bun.file(path).text(), log.lines]).toEqual(["one\ntwo\nthree\n", []]);
  closeSync(file);
});

test("a log that cannot be written is told of once", async () => {
  const full = openSync("/dev/full", "w");
  const log = keptLog();
  const lines = lineWriter(full, log);
  for (const line of ["one\n", "two\n"]) {
    lines.write(line);
    await lines.ended(60_000);
  }
  expect(log.lines).toEqual([expect.stringContaining("WARN The access log cannot be written; serving goes on.")]);
  closeSync(full);
});

/** 0 when there is nothing to read at the moment. */
function readOr(descriptor: number, chunk: Buffer): number {
  try {
    return readSync(descriptor, chunk);
  } catch {
    return 0;
  }
}
