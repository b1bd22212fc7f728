import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { fileImage } from "../../src/host/file-changes.ts";
import type { Change } from "../../src/platform/change.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import type { Files } from "../../src/platform/files.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { recover } from "../../src/update/recover.ts";
import { Transaction } from "../../src/update/transaction.ts";
import { failingDisk, failures } from "../support/failing-disk.ts";
import { type TemporaryHost, temporaryHost, treeOf } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";
import { snapshot } from "../support/tree.ts";

const NAMESPACE = namespaceFor("");
/** Each syncs a hundred times or so. */
const RUNS = 50;
const TIME_LIMIT_MS = 240_000;

/** An undo makes fewer calls. */
const FAILURE = failures(17);

/** What a step of a list does to one of a few paths; a step that the tree does not allow is passed over. */
const STEP = fc.record({
  does: fc.constantFrom("write", "delete", "link", "unlink", "directory", "move" as const),
  path: fc.constantFrom("/etc/a", "/etc/b", "/etc/c", "/etc/d/a", "/etc/d/b"),
  other: fc.constantFrom("/etc/a", "/etc/b", "/opt/aside"),
  text: fc.constantFrom("one", "two", "three"),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

/** Without the log of what was done, which a recovery adds to. */
const treeAt = (root: string) => snapshot(root).filter((line) => !line.includes("/history.jsonl "));

test(
  "however the disk fails while changes are undone, the next run finishes it",
  async () => {
    const seen = { recovered: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(STEP, { minLength: 1, maxLength: 8 }),
        FAILURE,
        FAILURE,
        async (steps, first, second) => {
          const root = mkdtempSync(join(tmpdir(), "undo-"));
          try {
            const files = hostFiles(root);
            layOut(files);
            const start = treeAt(root);
            const disk = failingDisk(files);
            const transaction = new Transaction(testWorld(root, { files: disk.files }), {
              namespace: NAMESPACE,
              descriptor: 0,
            });
            for (const step of steps) await transaction.apply(planStep(files, step));

            disk.fail(first);
            await transaction.rollBack().catch(() => undefined);
            disk.fail(second);
            await recover(testWorld(root, { files: disk.files }), NAMESPACE).catch(() => undefined);
            if (files.stat(journalPath(NAMESPACE)) !== undefined) seen.recovered += 1;
            await recover(testWorld(root), NAMESPACE);
            expect(treeAt(root)).toEqual(start);
          } finally {
            rmSync(root, { recursive: true });
          }
        },
      ),
      { numRuns: RUNS },
    );
    expect(seen.recovered).toBeGreaterThan(0);
  },
  TIME_LIMIT_MS,
);

test("a file whose mode cannot be put back is not taken for one that was put back", async () => {
  using host = temporaryHost();
  host.files.makeDirectory(NAMESPACE.directory);
  host.write("/etc/a", "same", 0o640);
  const disk = failingDisk(host.files);
  const transaction = new Transaction(testWorld(host.root, { files: disk.files }), {
    namespace: NAMESPACE,
    descriptor: 0,
  });
  const before = fileImage(host.files, "/etc/a");
  await transaction.apply([{ kind: "file", path: "/etc/a", before, after: { content: "other", mode: 0o640 } }]);
  host.files.setMode("/etc/a", 0o600);
  const setMode = () => {
    throw new UpdateError("E_IO", "the disk failed");
  };
  disk.files.setMode = setMode;
  expect(await transaction.rollBack()).toBe("in part");
  await recover(testWorld(host.root), NAMESPACE);
  expect(host.files.stat("/etc/a")?.mode).toBe(0o640);
});

describe("room for the undo", () => {
  const RESERVE = `${NAMESPACE.directory}/.staging-reserve`;
  const text = "x".repeat(100_000);
  const rewrite: Change = {
    kind: "file",
    path: "/etc/a",
    before: { content: text, mode: 0o644 },
    after: { content: "short", mode: 0o644 },
  };

  test("is held from the first change on, and grows with what is to be put back", async () => {
    using host = temporaryHost();
    host.files.makeDirectory(NAMESPACE.directory);
    host.write("/etc/a", text);
    const transaction = new Transaction(testWorld(host.root), { namespace: NAMESPACE, descriptor: 0 });
    await transaction.apply([{ kind: "directory", path: "/opt/more", mode: 0o755 }]);
    const first = host.files.stat(RESERVE)?.size ?? 0;
    expect(first).toBeGreaterThan(0);
    await transaction.apply([rewrite]);
    expect(host.files.stat(RESERVE)?.size).toBeGreaterThan(text.length);
    transaction.commit();
    expect(host.files.stat(RESERVE)).toBeUndefined();
  });

  test("is there before the first file is written back, by the same run or by the next one", async () => {
    for (const isKilled of [false, true]) {
      using host = temporaryHost();
      host.files.makeDirectory(NAMESPACE.directory);
      host.write("/etc/a", text);
      const transaction = new Transaction(worldOf(host), { namespace: NAMESPACE, descriptor: 0 });
      await transaction.apply([rewrite]);
      await (isKilled ? recover(worldOf(host), NAMESPACE) : transaction.rollBack());
      expect(treeOf(host)).toEqual({ "/etc/a": text });
    }
  });

  test("that cannot be had begins nothing, and leaves nothing", async () => {
    using host = temporaryHost();
    host.files.makeDirectory(NAMESPACE.directory);
    host.write("/etc/a", text);
    const appendFile = (path: string, content: string) => {
      host.files.appendFile(path, content.slice(0, content.length / 2));
      throw new UpdateError("E_NO_SPACE", "no space left");
    };
    const world = testWorld(host.root, { files: { ...host.files, appendFile } });
    const transaction = new Transaction(world, { namespace: NAMESPACE, descriptor: 0 });
    await expect(transaction.apply([rewrite])).rejects.toMatchObject({ code: "E_NO_SPACE" });
    expect(transaction.begun).toEqual([]);
    expect(treeOf(host)).toEqual({ "/etc/a": text });
  });

  /** A host whose files cannot be written back while the room is held. */
  function worldOf(host: TemporaryHost): ReturnType<typeof testWorld> {
    const writeFile: Files["writeFile"] = (path, content, mode) => {
      if (content === text && host.files.stat(RESERVE) !== undefined)
        throw new UpdateError("E_NO_SPACE", "no space left");
      host.files.writeFile(path, content, mode);
    };
    return testWorld(host.root, { files: { ...host.files, writeFile } });
  }
});

function layOut(files: Files): void {
  for (const path of ["/opt", "/etc/d", NAMESPACE.directory]) files.makeDirectory(path);
  files.writeFile("/etc/a", "by hand", 0o640);
  files.writeFile("/etc/d/a", "by hand");
  files.placeLink("/etc/b", "/opt/by-hand");
}

function planStep(files: Files, { does, path, other, text }: Step): Change[] {
  const kind = files.stat(path)?.kind;
  const link = files.readLink(path) ?? null;
  const hasFolder = files.stat(dirname(path))?.kind === "directory";
  switch (does) {
    case "write":
      if ((kind !== undefined && kind !== "file") || !hasFolder) return [];
      return [{ kind: "file", path, before: fileImage(files, path), after: { content: text, mode: 0o600 } }];
    case "delete":
      return kind === "file" ? [{ kind: "file", path, before: fileImage(files, path), after: null }] : [];
    case "link":
      if ((kind !== undefined && kind !== "symlink") || !hasFolder) return [];
      return [{ kind: "link", path, before: link, after: `/opt/${text}` }];
    case "unlink":
      return link === null ? [] : [{ kind: "link", path, before: link, after: null }];
    case "directory":
      return kind === undefined && hasFolder ? [{ kind: "directory", path, mode: 0o750 }] : [];
    case "move":
      // No plan moves a link: folders are, and files that are in the way.
      return kind === "file" && files.stat(other) === undefined ? [{ kind: "move", from: path, to: other }] : [];
  }
}
