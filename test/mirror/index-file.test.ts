import { describe, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  COUNT_LIMIT,
  formatIndex,
  INDEX_LIMIT,
  type MirrorIndex,
  parseIndex,
  readIndex,
} from "../../src/mirror/index-file.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { nameOf, temporaryFolder } from "./building.ts";

const FILE = { sha256: "a".repeat(64), bytes: 1 };
const indexOf = (files: MirrorIndex["files"]): MirrorIndex => ({
  kind: "teleport_mirror",
  version: "v1",
  written: "2026-11-22T00:00:00.000Z",
  files,
});
const read = (files: MirrorIndex["files"]) => parseIndex(formatIndex(indexOf(files)), "index.json").files;

describe("the index of a mirror", () => {
  test("is read as it was written", () => {
    const origin = { place: "https://cdn.test/a", proof: "checksum", fetched: "2026-11-20T00:00:00.000Z" };
    const files = { [nameOf("18.1.0")]: { ...FILE, release: "18.1.0", origin }, "install.sh": FILE };
    expect(read(files)).toEqual(files);
  });

  test("has room for as many files as it may name", () => {
    const origin = {
      place: `https://mirror.example.com/${"x".repeat(80)}`,
      proof: "signature",
      key: "x".repeat(50),
      fetched: "2026-11-20T00:00:00.000Z",
    };
    const names = Array.from({ length: COUNT_LIMIT / 2 }, (_, at) => nameOf(`18.1.${at}`)).flatMap((name) => [
      name,
      `${name}.sha256`,
    ]);
    const files = Object.fromEntries(
      names.map((name) => [
        name,
        name.endsWith("gz") ? { ...FILE, release: "18.1.1000", origin } : { ...FILE, release: "18.1.1000" },
      ]),
    );
    expect(formatIndex(indexOf(files)).length).toBeLessThan(INDEX_LIMIT);
  });

  test("is not written with more than can be read", () => {
    const files = Object.fromEntries(Array.from({ length: COUNT_LIMIT + 1 }, (_, at) => [`f${at}`, FILE]));
    expect(() => formatIndex(indexOf(files))).toThrow(expect.objectContaining({ code: "E_MIRROR" }));
  });

  // Else `--keep` removes all that is older than a file which says that it is of 999.0.0.
  test.each([
    [
      "is of the release of its name, whatever is said",
      { [`${nameOf("18.1.0")}.sig`]: { ...FILE, release: "999.0.0" } },
      "18.1.0",
    ],
    ["is of none without such a name", { "notes.txt": { ...FILE, release: "not a version" } }, undefined],
  ])("[threat mirror-keeps] a file %s", (_, files, release) => {
    expect(Object.values(read(files)).map((file) => file.release)).toEqual([release]);
  });

  test.each([
    [
      "with names without end",
      JSON.stringify(indexOf(Object.fromEntries(Array.from({ length: COUNT_LIMIT + 1 }, (_, at) => [`f${at}`, FILE])))),
    ],
    [
      "nested without end",
      `{"kind":"teleport_mirror","version":"v1","files":{},"x":${"[".repeat(100)}${"]".repeat(100)}}`,
    ],
    ["with a name that leads upwards", formatIndex(indexOf({ "../a": FILE }))],
    ["that is none", "root:$6$secret"],
  ])("[threat mirror-index] %s is refused, and nothing of it is told", (_, text) => {
    expect(() => parseIndex(text, "/srv/index.json")).toThrow("is no index of a mirror");
    expect(() => parseIndex(text, "/srv/index.json")).not.toThrow("secret");
  });

  test("[threat mirror-index] is not read through a link", () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "shadow"), formatIndex(indexOf({})));
    symlinkSync(join(folder.path, "shadow"), join(folder.path, "index.json"));
    expect(() => readIndex(hostFiles(), join(folder.path, "index.json"))).toThrow(
      expect.objectContaining({ code: "E_UNREADABLE_FILE" }),
    );
  });
});
