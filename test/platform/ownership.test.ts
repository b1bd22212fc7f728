import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFiles } from "../../src/platform/host-files.ts";
import { must } from "../support/must.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ownership-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const read = () => hostFiles(root).readOwn("/own", 100);
const refusal = () => {
  try {
    return expect.unreachable(read());
  } catch (error) {
    return error;
  }
};

test("a file of ours is read, and a missing one is none", () => {
  expect(read()).toBeUndefined();
  writeFileSync(join(root, "own"), "content");
  expect(read()).toBe("content");
});

test.each<[reason: string, plant: (path: string) => unknown]>([
  ["it is a symbolic link", (path) => symlinkSync("/elsewhere", path)],
  ["it is not a regular file", (path) => mkdirSync(path)],
  ["it is not a regular file", (path) => must(["mkfifo", path])],
  ["its mode 646 lets others write it", (path) => chmodSync(path, 0o646)],
  ["its mode 664 lets others write it", (path) => chmodSync(path, 0o664)],
  ["is larger than 100 bytes", (path) => writeFileSync(path, "x".repeat(101))],
])("[threat own-files] a planted one is refused: %s", async (reason, plant) => {
  const path = join(root, "own");
  writeFileSync(join(root, "elsewhere"), "of others");
  if (!/link|regular/.test(reason)) writeFileSync(path, "");
  await plant(path);
  const hint = reason.startsWith("is larger") ? "move it away" : "look at it, and move it away: `mv /own /own.bad`";
  expect(refusal()).toMatchObject({ code: "E_UNREADABLE_FILE", message: expect.stringContaining(reason), hint });
});

test.if(process.geteuid?.() === 0)("[threat own-files] one of somebody else is refused", () => {
  writeFileSync(join(root, "own"), "");
  chownSync(join(root, "own"), 65_534, 0);
  expect(refusal()).toMatchObject({
    code: "E_UNREADABLE_FILE",
    message: "`/own` may have been planted: it belongs to the user 65534",
    hint: "look at it, and move it away: `mv /own /own.bad`",
  });
});
