import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderSource } from "../../src/release/folder-source.ts";
import { sha256Of, temporaryFolder, testWorld } from "./archive.ts";

const NAME = "teleport-v18.1.0-linux-amd64-bin.tar.gz";
/** Larger than what is read at once. */
const FILE = new Uint8Array(1_200_000).map((_, index) => (index * 2654435761) >>> 24);

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder.path, NAME), FILE);
  writeFileSync(join(folder.path, `${NAME}.sha256`), "text");
});
afterEach(() => folder[Symbol.dispose]());

const source = (path = folder.path, name = NAME) => folderSource(testWorld().files, path, name);

describe.each([
  ["a folder", () => folder.path],
  ["an archive", () => join(folder.path, NAME)],
])("%s", (_, path) => {
  test("gives the archive, whole or from a byte on", async () => {
    for (const received of [0, 1, FILE.length - 1, FILE.length]) {
      const archive = await source(path()).open(NAME, received === 0 ? undefined : { received, length: FILE.length });
      const bytes = Buffer.concat(await Array.fromAsync(archive.chunks()));
      await archive.discard();
      expect([sha256Of(bytes), archive.length, archive.isPieced]).toEqual([
        sha256Of(FILE.subarray(received)),
        FILE.length,
        received > 0,
      ]);
    }
  });

  test("gives the files beside it, with the time of their last change", async () => {
    const modified = new Date("2026-11-01T00:00:00Z");
    utimesSync(join(folder.path, `${NAME}.sha256`), modified, modified);
    const place = source(path());
    expect(await place.readText(`${NAME}.sha256`, 10)).toEqual({ text: "text", modified, giver: place });
    expect(await source(path()).readText(`${NAME}.sig`, 10)).toBeUndefined();
    await expect(source(path()).readText(`${NAME}.sha256`, 3)).rejects.toMatchObject({ code: "E_UNREADABLE_FILE" });
  });

  test("says where a file is", () => {
    expect(source(path()).locate(NAME)).toBe(join(folder.path, NAME));
  });
});

test("a link leads to an archive of another name, and its own name counts", async () => {
  mkdirSync(join(folder.path, "carried"));
  symlinkSync(join(folder.path, NAME), join(folder.path, "carried/latest.tar.gz"));
  symlinkSync("latest.tar.gz", join(folder.path, "carried", NAME));
  const archive = await source(join(folder.path, "carried", NAME)).open(NAME);
  expect(archive.length).toBe(FILE.length);
  await archive.discard();
});

describe("no release", () => {
  test.each<[title: string, at: string]>([
    ["nothing", "nowhere"],
    ["an archive of another version", "other.tar.gz"],
    ["a device", "/dev/null"],
  ])("is %s", (_, at) => {
    writeFileSync(join(folder.path, "other.tar.gz"), FILE);
    const path = at.startsWith("/") ? at : join(folder.path, at);
    expect(() => source(path)).toThrow(
      expect.objectContaining({ code: "E_DOWNLOAD", message: expect.stringContaining(path) }),
    );
  });

  test.each(["missing.tar.gz", "folder.tar.gz"])("is what a folder has as %s", async (name) => {
    mkdirSync(join(folder.path, "folder.tar.gz"));
    await expect(source(folder.path, name).open(name)).rejects.toMatchObject({ code: "E_DOWNLOAD" });
  });
});
