import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashDisk } from "./crash-disk.ts";
import type { Operation } from "./operations.ts";

const WRITE: Operation[] = [
  { call: "openat", kind: "open", path: "/etc/.a", creates: true, truncates: false, mode: 0o600 },
  { call: "write", kind: "write", path: "/etc/.a", bytes: Buffer.from("new") },
];
const SYNC: Operation = { call: "fsync", kind: "sync", path: "/etc/.a" };
const RENAME: Operation = { call: "rename", kind: "rename", from: "/etc/.a", path: "/etc/a" };
const SYNC_FOLDER: Operation = { call: "fsync", kind: "sync", path: "/etc" };
const REMOVE: Operation = { call: "unlink", kind: "remove", path: "/etc/a" };

const CASES: { name: string; operations: Operation[]; disks: string[] }[] = [
  {
    name: "a file that is replaced with both syncs is new",
    operations: [...WRITE, SYNC, RENAME, SYNC_FOLDER],
    disks: ["a=new"],
  },
  {
    name: "without the sync of the folder it may be old",
    operations: [...WRITE, SYNC, RENAME],
    disks: [".a=new a=old", "a=new", "a=old"],
  },
  {
    name: "without that of the file it may be empty",
    operations: [...WRITE, RENAME, SYNC_FOLDER],
    disks: ["a=", "a=new"],
  },
  { name: "a removed file may be back", operations: [REMOVE], disks: ["", "a=old"] },
  { name: "a removed file whose folder is synced stays away", operations: [REMOVE, SYNC_FOLDER], disks: [""] },
];

test.each(CASES)("$name", ({ operations, disks }) => {
  expect(disksAfter(operations)).toEqual(disks);
});

test("a call of unknown effect is not passed over", () => {
  expect(() => disksAfter([{ call: "truncate", kind: "other", path: "/etc/a" }])).toThrow(
    "cannot follow truncate /etc/a",
  );
});

/** Every disk that there may be after all of the operations, on a host with the file `/etc/a`. */
function disksAfter(operations: readonly Operation[]): string[] {
  const scratch = mkdtempSync(join(tmpdir(), "teleport-update-crash-"));
  try {
    const start = join(scratch, "start");
    mkdirSync(join(start, "etc"), { recursive: true });
    writeFileSync(join(start, "etc/a"), "old");
    const images = new CrashDisk(start, operations, start).imagesAfter(operations.length);
    const found = images.map((image, index) => {
      const root = join(scratch, String(index));
      image.layOut(root);
      const names = readdirSync(join(root, "etc")).sort();
      return names.map((name) => `${name}=${readFileSync(join(root, "etc", name), "utf8")}`).join(" ");
    });
    return [...new Set(found)].sort();
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
