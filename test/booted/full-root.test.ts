import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Change } from "../../src/platform/change.ts";
import { isUpdateError } from "../../src/platform/errors.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { recover } from "../../src/update/recover.ts";
import { inTransaction, Transaction } from "../../src/update/transaction.ts";
import { must } from "../support/must.ts";
import { testWorld } from "../support/test-world.ts";
import { snapshot } from "../support/tree.ts";

/*
 * A real ext4 below the install root that has not a block left when a transaction is to be undone. No host is booted; what
 * mounts a disk must be root.
 */

const NAMESPACE = namespaceFor("");
const LOCK = { namespace: NAMESPACE, descriptor: 0 };
const RESERVE = "opt/teleport/default/.staging-reserve";
const MEGABYTES = 16;
const BLOCK_BYTES = 4096;
/** Ours of the test and of ext4, and the log of what was done, which a recovery adds to. */
const OTHERS = /\/\.filler|\/lost\+found|\/history\.jsonl/;

const image = (character: string) => ({ content: character.repeat(20_000), mode: 0o644 });
const CHANGES: Change[] = [
  { kind: "file", path: NAMESPACE.config, before: image("a"), after: image("b") },
  { kind: "file", path: NAMESPACE.options, before: image("c"), after: null },
  { kind: "link", path: "/opt/teleport/link", before: "/opt/old", after: "/opt/new" },
  { kind: "file", path: NAMESPACE.config, before: image("b"), after: { content: "short", mode: 0o644 } },
];

let folder: string;
let root: string;
let start: string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "full-root-"));
  root = join(folder, "root");
  const disk = join(folder, "disk");
  mkdirSync(join(root, "opt"), { recursive: true });
  await must(["truncate", `--size=${MEGABYTES}M`, disk]);
  await must(["mkfs.ext4", "-q", "-m", "0", "-b", String(BLOCK_BYTES), disk]);
  await must(["mount", "-o", "loop", disk, join(root, "opt")]);
  const { files } = testWorld(root);
  files.makeDirectory(NAMESPACE.directory);
  files.writeFile(NAMESPACE.config, image("a").content);
  files.writeFile(NAMESPACE.options, image("c").content);
  files.placeLink("/opt/teleport/link", "/opt/old");
  start = present();
});
afterEach(async () => {
  await must(["umount", join(root, "opt")]);
  rmSync(folder, { recursive: true });
});

test("a run that fails on a full disk puts everything back, and says why it failed", async () => {
  const world = testWorld(root);
  const failure = await inTransaction(world, LOCK, async (transaction) => {
    await transaction.apply(CHANGES);
    fill();
    world.files.writeFile("/opt/teleport/more", image("d").content);
  }).catch((error: unknown) => error);
  expect(isUpdateError(failure, "E_NO_SPACE")).toBe(true);
  expect(present()).toEqual(start);
});

test("what a killed run began is undone on a full disk", async () => {
  await new Transaction(testWorld(root), LOCK).apply(CHANGES);
  fill();
  await recover(testWorld(root), NAMESPACE);
  expect(present()).toEqual(start);
});

test("without the room that was held, the disk is too full for it, and room is all that the next run needs", async () => {
  const transaction = new Transaction(testWorld(root), LOCK);
  await transaction.apply(CHANGES);
  rmSync(join(root, RESERVE));
  fill();
  expect(await transaction.rollBack()).toBe("in part");
  await must(["sh", "-c", 'rm "$0"/.filler*', join(root, "opt")]);
  await recover(testWorld(root), NAMESPACE);
  expect(present()).toEqual(start);
});

function present(): string[] {
  return snapshot(root, (path) => !OTHERS.test(path));
}

/** Takes every free block: those that one file can get, then those that a new file gets. */
function fill(): void {
  let [taken, files] = [1, 0];
  while (taken > 0) {
    taken = takeBlocks(join(root, `opt/.filler-${files}`));
    files += 1;
  }
  expect(testWorld(root).files.freeBytes("/opt")).toBe(0);
}

/** Answers how many there were. */
function takeBlocks(path: string): number {
  const descriptor = openSync(path, "w");
  try {
    for (let taken = 0; ; taken += 1) {
      try {
        if (writeSync(descriptor, Buffer.alloc(BLOCK_BYTES, "x")) < BLOCK_BYTES) return taken;
        if (taken % 64 === 0) fsyncSync(descriptor);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOSPC") return taken;
        throw error;
      }
    }
  } finally {
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
}
