import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchivedFile, gzip, makeTar, zstd } from "../../../scripts/release/archive.ts";
import { must } from "../../support/must.ts";
import { isInstalled } from "./tools.ts";

const TIME = new Date("2030-02-03T04:05:06Z");
const PROGRAM = Buffer.alloc(100_001, "program ");
const FILES: readonly ArchivedFile[] = [
  { path: "teleport-update", mode: 0o755, content: PROGRAM },
  { path: "man/teleport-update.8", mode: 0o644, content: "manual — page\n" },
  { path: "README.md", mode: 0o644, content: "read me\n" },
  { path: "completions/zsh/_teleport-update", mode: 0o644, content: "" },
];
const LISTED = [
  "drwxr-xr-x root/root 0 2030-02-03 04:05:06 top/",
  "-rw-r--r-- root/root 8 2030-02-03 04:05:06 top/README.md",
  "drwxr-xr-x root/root 0 2030-02-03 04:05:06 top/completions/",
  "drwxr-xr-x root/root 0 2030-02-03 04:05:06 top/completions/zsh/",
  "-rw-r--r-- root/root 0 2030-02-03 04:05:06 top/completions/zsh/_teleport-update",
  "drwxr-xr-x root/root 0 2030-02-03 04:05:06 top/man/",
  "-rw-r--r-- root/root 16 2030-02-03 04:05:06 top/man/teleport-update.8",
  "-rwxr-xr-x root/root 100001 2030-02-03 04:05:06 top/teleport-update",
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "archive-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ["gzip", async () => gzip(await makeTar("top", FILES, TIME))],
  ["zstd", async () => zstd(await makeTar("top", FILES, TIME))],
] as const)("with %s", (tool, pack) => {
  const archive = () => join(folder, `packed.${tool}`);
  beforeAll(async () => {
    await Bun.write(archive(), await pack());
  });

  test.skipIf(!isInstalled(tool))("tar lists it sorted, all root's, with fixed modes and one time", async () => {
    const listed = await must(["tar", "--list", "--verbose", "--utc", "--full-time", "--file", archive()]);
    expect(listed.trimEnd().replaceAll(/ +/g, " ").split("\n")).toEqual(LISTED);
  });

  test.skipIf(!isInstalled(tool))("tar unpacks what was packed", async () => {
    await must(["tar", "--extract", "--directory", folder, "--file", archive()]);
    expect(readFileSync(join(folder, "top/teleport-update")).equals(PROGRAM)).toBeTrue();
    expect(readFileSync(join(folder, "top/man/teleport-update.8"), "utf8")).toBe("manual — page\n");
  });

  test("the same files in another order make the same bytes", async () => {
    const again = await makeTar("top", FILES.toReversed(), TIME);
    const bytes = tool === "gzip" ? gzip(again) : await zstd(again);
    expect(Buffer.compare(bytes, await pack())).toBe(0);
  });
});

test("gzip writes neither a name nor a time", async () => {
  const header = Buffer.from(gzip(await makeTar("top", FILES, TIME))).subarray(0, 8);
  expect(header.toString("hex")).toBe("1f8b080000000000");
});

test("the largest file is a part of its own, whose frame of zstd is the same in another archive", async () => {
  const [tar, other] = [await makeTar("top", FILES, TIME), await makeTar("other-top", FILES, TIME)];
  expect(tar.body.equals(PROGRAM)).toBeTrue();
  const frame = await Bun.zstdCompress(tar.body, { level: 19 });
  expect(Buffer.from(await zstd(other)).includes(frame)).toBeTrue();
});

test("a program that fills its last block to the brim is found too", async () => {
  const content = Buffer.alloc(1024, "x");
  const { body } = await makeTar("top", [{ path: "teleport-update", mode: 0o755, content }], TIME);
  expect(body.equals(content)).toBeTrue();
});
