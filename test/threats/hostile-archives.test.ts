import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { UpdateError } from "../../src/platform/errors.ts";
import { stageRelease } from "../../src/release/stage.ts";
import { serve, sha256Of, stageRequest, temporaryFolder, testWorld } from "../release/archive.ts";
import { snapshot } from "../support/tree.ts";
import { BENT_ARCHIVES, HOSTILE_ARCHIVES, releaseTar, releaseWith } from "./hostile-archives.ts";
import { BLOCK, entry } from "./raw-tar.ts";

// For busy machines: each release is synced to the disk.
setDefaultTimeout(60_000);

let folder: ReturnType<typeof temporaryFolder>;

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder.path, "default/versions"), { recursive: true });
});
afterEach(() => folder[Symbol.dispose]());

describe("an archive with a true checksum is refused, and nothing of it stays", () => {
  test.each(HOSTILE_ARCHIVES.map((hostile) => [hostile.rule, hostile.lie, hostile] as const))(
    "[threat %s] %s",
    async (_rule, _lie, { archive, says }) => {
      const failure = await stage(archive()).then(
        () => expect.unreachable(),
        (reason: UpdateError) => reason,
      );
      expect(failure).toMatchObject({ code: "E_ARCHIVE" });
      for (const words of says) expect(failure.message).toContain(words);
      expect(failure.message).not.toMatch(/\p{Cc}/u);
      expect(snapshot(folder.path)).toEqual(["/default/ 755", "/default/versions/ 755"]);
    },
  );
});

describe("an archive that asks for more than it gets is installed without it", () => {
  test.each(BENT_ARCHIVES.map((bent) => [bent.rule, bent.wish, bent] as const))(
    "[threat %s] %s",
    async (_rule, _wish, { archive, shows, lacks = [] }) => {
      const bytes = archive();
      const { directory } = await stage(bytes);
      for (const { path, mode, text } of shows) {
        const stats = statSync(join(directory, path));
        expect({ mode: stats.mode & 0o7777, owner: stats.uid }).toEqual({ mode, owner: process.getuid?.() ?? -1 });
        expect(readFileSync(join(directory, path), "utf8")).toBe(text);
      }
      for (const path of lacks) expect(existsSync(join(directory, path))).toBeFalse();
      expect(readdirSync(directory).sort()).toEqual(readdirSync((await stage(releaseWith())).directory).sort());
      expect(readFileSync(join(directory, "sha256"), "utf8")).toBe(sha256Of(bytes));
    },
  );
});

test("[threat archive-end] an archive that was cut at any of its blocks, and packed again, is refused", async () => {
  const whole = releaseTar();
  for (let length = 0; length < whole.length; length += BLOCK / 2) {
    const failure = stage(gzipSync(whole.subarray(0, length)));
    await expect(failure).rejects.toMatchObject({ code: "E_ARCHIVE", message: expect.stringContaining("cut short") });
  }
  await stage(gzipSync(whole));
});

test("[threat archive-end] an archive that was cut at any byte is refused", async () => {
  const whole = gzipSync(releaseTar());
  for (let length = 0; length < whole.length; length += 13) {
    const failure = stage(whole.subarray(0, length));
    await expect(failure).rejects.toMatchObject({ code: "E_ARCHIVE", message: expect.stringContaining("cut short") });
  }
});

test("[threat archive-limits] an archive cannot fill the journal with what it holds besides a release", async () => {
  const strangers = Array.from({ length: 500 }, (_, index) => entry({ name: `teleport/new/x${index}` }));
  const { lines } = await stage(releaseWith(...strangers));
  expect(lines.filter((line) => line.startsWith("warn")).length).toBeLessThan(20);
  expect(lines).toContain('warn More files of the archive were skipped. {"count":490}');
});

async function stage(archive: Uint8Array) {
  await using server = serve(() => new Response(archive));
  const world = testWorld();
  const request = stageRequest(world, { folder: folder.path, server: server.url, sha256: sha256Of(archive) });
  const staged = await stageRelease(world, request);
  return { ...staged, lines: world.lines };
}
