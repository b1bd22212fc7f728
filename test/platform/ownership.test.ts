import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFiles } from "../../src/platform/host-files.ts";
import { isTrustedAbove } from "../../src/platform/ownership.ts";
import { must } from "../support/must.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ownership-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const read = () => hostFiles(root).readOwn("/own", 100);
/** Of the file behind the root: the same command must not move a file of the machine that builds an image. */
const movedAway = () => `look at it, and move it away: \`mv ${root}/own ${root}/own.bad\``;
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
  const hint = reason.startsWith("is larger") ? "move it away" : movedAway();
  expect(refusal()).toMatchObject({ code: "E_UNREADABLE_FILE", message: expect.stringContaining(reason), hint });
});

test.if(process.geteuid?.() === 0)("[threat own-files] one of somebody else is refused", () => {
  writeFileSync(join(root, "own"), "");
  chownSync(join(root, "own"), 65_534, 0);
  expect(refusal()).toMatchObject({
    code: "E_UNREADABLE_FILE",
    message: `\`${root}/own\` may have been planted: it belongs to the user 65534`,
    hint: movedAway(),
  });
});

describe("[threat closed-parents] above a tree that root works on", () => {
  const WHOLE = "         0          0 4294967295\n";
  const CONTAINER = "         0     100000      65536\n";

  test.each<[owner: number, sudoUser: number | undefined, uidMap: string | undefined, isTrusted: boolean]>([
    [0, undefined, WHOLE, true],
    [1000, undefined, WHOLE, false],
    [1000, 1000, WHOLE, true],
    [1001, 1000, WHOLE, false],
    [65_534, undefined, WHOLE, false],
    [65_534, undefined, undefined, false],
    [65_534, undefined, CONTAINER, true],
    [1000, undefined, CONTAINER, false],
  ])("the user %p, called by %p, with the map %j: %p", (owner, sudoUser, uidMap, isTrusted) => {
    expect(isTrustedAbove(owner, { sudoUser, uidMap })).toBe(isTrusted);
  });
});
