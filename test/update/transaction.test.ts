import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Change } from "../../src/platform/change.ts";
import { isUpdateError, UpdateError } from "../../src/platform/errors.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { inTransaction, Transaction } from "../../src/update/transaction.ts";
import { testWorld } from "../support/test-world.ts";
import { snapshot } from "../support/tree.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "transaction-"));
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/old.conf"), "old", { mode: 0o640 });
  writeFileSync(join(root, "etc/gone.conf"), "gone");
  symlinkSync("/opt/one", join(root, "etc/link"));
  symlinkSync("/opt/gone", join(root, "etc/dead"));
  mkdirSync(join(root, "staged"));
  writeFileSync(join(root, "staged/program"), "program");
  writeFileSync(join(root, "etc/in-the-way"), "by hand");
});
afterEach(() => rmSync(root, { recursive: true }));

const image = (content: string, mode = 0o644) => ({ content, mode });

/** One change of every kind that needs no systemd, in an order in which each can be made. */
const CHANGES: Change[] = [
  { kind: "directory", path: "/opt", mode: 0o755 },
  { kind: "directory", path: "/opt/versions", mode: 0o700 },
  { kind: "file", path: "/etc/old.conf", before: image("old", 0o640), after: image("new") },
  { kind: "file", path: "/etc/new.conf", before: null, after: image("new") },
  { kind: "file", path: "/etc/gone.conf", before: image("gone"), after: null },
  { kind: "move", from: "/staged", to: "/opt/versions/2" },
  { kind: "link", path: "/etc/link", before: "/opt/one", after: "/opt/two" },
  { kind: "link", path: "/etc/fresh", before: null, after: "/opt/two" },
  { kind: "link", path: "/etc/dead", before: "/opt/gone", after: null },
  { kind: "move", from: "/etc/in-the-way", to: "/etc/.in-the-way.aside" },
  { kind: "link", path: "/etc/in-the-way", before: null, after: "/opt/two" },
];

test("the changes are made in order", async () => {
  await new Transaction(testWorld(root)).apply(CHANGES);
  expect(snapshot(root)).toEqual([
    "/etc/ 755",
    '/etc/.in-the-way.aside 644 "by hand"',
    "/etc/fresh -> /opt/two",
    "/etc/in-the-way -> /opt/two",
    "/etc/link -> /opt/two",
    '/etc/new.conf 644 "new"',
    '/etc/old.conf 640 "new"',
    "/opt/ 755",
    "/opt/versions/ 700",
    "/opt/versions/2/ 755",
    '/opt/versions/2/program 644 "program"',
  ]);
});

test.each(CHANGES.map((_, index) => index + 1))(
  "after %d changes a roll back leaves nothing of them",
  async (count) => {
    const before = snapshot(root);
    const transaction = new Transaction(testWorld(root));
    await transaction.apply(CHANGES.slice(0, count));
    expect(snapshot(root)).not.toEqual(before);
    expect(await transaction.rollBack()).toBe("whole");
    expect(snapshot(root)).toEqual(before);
  },
);

test("a change that fails half way is undone with those before it, and its error is the one thrown", async () => {
  const before = snapshot(root);
  const impossible: Change = { kind: "file", path: "/etc/old.conf/below", before: null, after: image("x") };
  const world = testWorld(root);
  const failure = await inTransaction(world, undefined, (transaction) =>
    transaction.apply([...CHANGES, impossible]),
  ).catch((error) => error);
  expect(isUpdateError(failure, "E_IO")).toBe(true);
  expect(snapshot(root)).toEqual(before);
  expect(world.log.lines.filter((line) => line.startsWith("WARN"))).toHaveLength(2);
});

test("what cannot be undone is said, named as the reason, and does not stop the rest", async () => {
  const world = testWorld(root);
  const failure = await inTransaction(world, undefined, async (transaction) => {
    await transaction.apply(CHANGES);
    rmSync(join(root, "etc/old.conf"));
    mkdirSync(join(root, "etc/old.conf"));
    throw new Error("the agent does not start");
  }).catch((error) => error);
  expect(failure).toMatchObject({ code: "E_ROLLBACK", message: expect.stringContaining("the agent does not start") });
  expect(world.log.lines.join("\n")).toContain("Unable to undo: rewrite /etc/old.conf.");
  expect(snapshot(root)).toContain("/etc/link -> /opt/one");
  expect(snapshot(root)).toContain('/staged/program 644 "program"');
});

test("an interrupted run makes no further change, and its roll back is not interrupted", async () => {
  const before = snapshot(root);
  const abort = new AbortController();
  const world = testWorld(root, { signal: abort.signal });
  const failure = await inTransaction(world, undefined, async (transaction) => {
    await transaction.apply(CHANGES.slice(0, 4));
    abort.abort();
    await transaction.apply(CHANGES.slice(4));
  }).catch((error) => error);
  expect(failure).toMatchObject({ code: "E_CANCELED" });
  expect(snapshot(root)).toEqual(before);
});

test("a link that cannot be put back keeps what it leads to, until the next run can", async () => {
  let isReadOnly = false;
  const files = hostFiles(root);
  const placeLink = (path: string, target: string) => {
    if (isReadOnly) throw new UpdateError("E_IO", `cannot link \`${path}\`: the file system is read-only`);
    files.placeLink(path, target);
  };
  const transaction = new Transaction(testWorld(root, { files: { ...files, placeLink } }));
  const place: Change = { kind: "move", from: "/staged", to: "/opt" };
  const link: Change = { kind: "link", path: "/etc/link", before: "/opt/one", after: "/opt/program" };
  await transaction.apply([place, link]);
  isReadOnly = true;
  expect(await transaction.rollBack()).toBe("in part");
  expect(snapshot(root)).toContain('/opt/program 644 "program"');
});

test("what was moved out of a folder that is gone by now comes back all the same", async () => {
  const transaction = new Transaction(testWorld(root));
  await transaction.apply([{ kind: "move", from: "/staged", to: "/opt" }]);
  await transaction.apply([{ kind: "directory", path: "/gone", mode: 0o755 }]);
  rmSync(join(root, "gone"), { recursive: true });
  expect(await transaction.rollBack()).toBe("whole");
  expect(snapshot(root)).toContain('/staged/program 644 "program"');
});

test("a file that a link was to replace is not taken for the link when neither was moved nor placed", async () => {
  const stuck: Change = { kind: "move", from: "/staged/program/below", to: "/opt" };
  const before = snapshot(root);
  const transaction = new Transaction(testWorld(root));
  await expect(transaction.apply([stuck, ...CHANGES.slice(-2)])).rejects.toThrow();
  expect(await transaction.rollBack()).toBe("whole");
  expect(snapshot(root)).toEqual(before);
});
