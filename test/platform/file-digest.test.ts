import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Each } from "../../src/platform/digest.ts";
import { digestFiles } from "../../src/platform/file-digest.ts";
import { sha256Of } from "../release/archive.ts";

const folder = mkdtempSync(join(tmpdir(), "file-digest-"));
afterAll(() => rmSync(folder, { recursive: true }));
const CONTENTS = ["", "abc", "x".repeat(3 << 20)];
const paths = CONTENTS.map((content, at) => {
  const path = join(folder, String(at));
  writeFileSync(path, content);
  return path;
});
const never = new AbortController().signal;

test("small things, each by itself", () => {
  const digests = sha256Each(CONTENTS.map((content) => Buffer.from(content)));
  expect(digests.map((digest) => Buffer.from(digest).toString("hex"))).toEqual(
    CONTENTS.map((content) => sha256Of(Buffer.from(content))),
  );
});

describe("files", () => {
  test("each by itself, in the order that was asked for", async () => {
    const digests = CONTENTS.map((content) => sha256Of(Buffer.from(content)));
    expect(await digestFiles(paths, never)).toEqual(digests);
    expect(await digestFiles([], never)).toEqual([]);
  });

  test("no link is followed", async () => {
    const link = join(folder, "link");
    symlinkSync(paths[1] ?? "", link);
    await expect(digestFiles([link], never)).rejects.toMatchObject({ code: "E_UNREADABLE_FILE" });
  });

  test("an interrupt ends it", async () => {
    await expect(digestFiles(paths, AbortSignal.abort())).rejects.toMatchObject({ code: "E_CANCELED" });
  });
});
