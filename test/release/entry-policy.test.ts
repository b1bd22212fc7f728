import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { isUpdateError } from "../../src/platform/errors.ts";
import { entryPolicy, type Placement } from "../../src/release/entry-policy.ts";
import { RELEASE_LIMITS } from "../../src/release/limits.ts";
import type { TarHeader } from "../../src/release/untar.ts";

// For busy machines: the property looks at a thousand names.
setDefaultTimeout(60_000);

const FILE: TarHeader = { name: "teleport/tctl", type: "file", size: 1, mode: 0o755, pax: null };
const REFUSED = expect.objectContaining({ code: "E_ARCHIVE" });

const judge = (change: Partial<TarHeader>, folder = "teleport") =>
  entryPolicy(folder, RELEASE_LIMITS).judge({ ...FILE, ...change });

describe("placed (installer-systemd §1.4)", () => {
  test.each<[string, Placement]>([
    ["teleport/tctl", { place: "bin/tctl", mode: 0o755 }],
    ["./teleport/tctl", { place: "bin/tctl", mode: 0o755 }],
    ["teleport/some-new-program", { place: "bin/some-new-program", mode: 0o755 }],
    ["teleport/README.md", { place: "share/README.md", mode: 0o755 }],
    ["teleport/CHANGELOG.md", { place: "share/CHANGELOG.md", mode: 0o755 }],
    ["teleport/VERSION", { place: "share/VERSION", mode: 0o755 }],
    ["teleport/LICENSE-community", { place: "share/LICENSE-community", mode: 0o755 }],
    ["teleport/examples/systemd/teleport.service", { place: "lib/systemd/system/teleport.service", mode: 0o755 }],
    ["teleport/examples/systemd/post-install", { skip: "unneeded" }],
    ["teleport/examples/x.yaml", { skip: "unneeded" }],
    ["teleport/install", { skip: "unneeded" }],
    ["teleport/install-selinux.sh", { skip: "unneeded" }],
    ["teleport/install-more", { place: "bin/install-more", mode: 0o755 }],
    ["teleport/new/folder/file", { skip: "unknown folder" }],
    ["teleport-ent/tctl", { skip: "outside" }],
    ["tctl", { skip: "outside" }],
  ])("%s", (name, expected) => {
    expect(judge({ name })).toEqual(expected);
  });

  test("the enterprise folder is not the other one", () => {
    expect(judge({ name: "teleport-ent/tctl" }, "teleport-ent")).toEqual({ place: "bin/tctl", mode: 0o755 });
    expect(judge({ name: "teleport/tctl" }, "teleport-ent")).toEqual({ skip: "outside" });
  });

  test.each([
    [0o755, 0o755],
    [0o104755, 0o755],
    [0o777, 0o755],
    [0o100, 0o755],
    [0o666, 0o644],
    [0o4600, 0o644],
    [Number.NaN, 0o644],
  ])("[threat entry-modes] mode %o becomes %o", (mode, expected) => {
    expect(judge({ mode })).toEqual({ place: "bin/tctl", mode: expected });
  });

  test("directories make nothing", () => {
    expect(judge({ type: "directory", name: "teleport/new/", size: 0 })).toEqual({ skip: "directory" });
  });
});

describe("refused", () => {
  const refuses = (change: Partial<TarHeader>) => expect(() => judge(change)).toThrow(REFUSED);

  test.each<[string, Partial<TarHeader>]>([
    ["a symlink", { type: "symlink" }],
    ["a hard link", { type: "link" }],
    ["a symlink outside of the folder", { type: "symlink", name: "elsewhere" }],
    ["a character device", { type: "character-device" }],
    ["a block device", { type: "block-device" }],
    ["a fifo", { type: "fifo" }],
    ["a contiguous file", { type: "contiguous-file" }],
    ["a type that nobody knows", { type: null }],
  ])("[threat entry-types] %s", (_, change) => refuses(change));

  test.each<[string, Partial<TarHeader>]>([
    ["no name", { name: "" }],
    ["an absolute name", { name: "/teleport/tctl" }],
    ["a way up", { name: "teleport/../../etc/passwd" }],
    ["a way up at the start", { name: "../teleport/tctl" }],
    ["a dot inside", { name: "teleport/./tctl" }],
    ["two slashes", { name: "teleport//tctl" }],
    ["a file with the name of a folder", { name: "teleport/tctl/" }],
    ["a NUL", { name: "teleport/tctl\0.txt" }],
    ["a new line", { name: "teleport/tc\ntl" }],
    ["an escape code", { name: "teleport/\u001b[2Jtctl" }],
    ["text that runs backwards", { name: "teleport/\u202etctl" }],
    ["bytes that are no text", { name: "teleport/tc\ufffdtl" }],
    ["a backslash", { name: "teleport\\..\\tctl" }],
    ["a name too long", { name: `teleport/${"x".repeat(256)}` }],
    ["a way too deep", { name: `teleport/${"x/".repeat(20)}y` }],
  ])("[threat entry-names] %s", (_, change) => refuses(change));

  test.each<[string, Partial<TarHeader>]>([
    ["a directory with content", { type: "directory", name: "teleport/x/", size: 1 }],
    ["a size from an extended header", { pax: { size: "1" } }],
    ["a sparse file", { pax: { "GNU.sparse.major": "1" } }],
    ["a file too large", { size: RELEASE_LIMITS.fileBytes + 1 }],
  ])("[threat entry-sizes] %s", (_, change) => refuses(change));

  test("[threat entry-conflicts] a file in place of the folder", () => refuses({ name: "teleport" }));

  test.each([
    ["twice", ["teleport/tctl", "teleport/tctl"]],
    ["but for case", ["teleport/tctl", "teleport/TCTL"]],
    ["but for the Unicode form", ["teleport/caf\u00e9", "teleport/cafe\u0301"]],
    ["but for a ligature", ["teleport/\ufb01le", "teleport/file"]],
    ["but for a sharp s", ["teleport/stra\u00dfe", "teleport/STRASSE"]],
    ["but for a capital sharp s", ["teleport/stra\u1e9ee", "teleport/strasse"]],
    ["but for a final sigma", ["teleport/\u03c3", "teleport/\u03c2"]],
    ["also outside", ["x/y", "x/y"]],
    ["as file and as folder", ["teleport/tctl", "teleport/tctl/x"]],
    ["as folder and as file", ["teleport/tctl/x", "teleport/tctl"]],
  ])("[threat entry-conflicts] a name that comes again: %s", (_, names) => {
    const policy = entryPolicy("teleport", RELEASE_LIMITS);
    const all = () => names.map((name) => policy.judge({ ...FILE, name }));
    expect(all).toThrow(REFUSED);
  });

  test("[threat archive-limits] more entries, or more bytes, than allowed", () => {
    const few = entryPolicy("teleport", { ...RELEASE_LIMITS, entries: 2 });
    few.judge({ ...FILE, name: "teleport/a" });
    few.judge({ ...FILE, name: "elsewhere" });
    expect(() => few.judge({ ...FILE, name: "teleport/c" })).toThrow(REFUSED);

    const narrow = entryPolicy("teleport", { ...RELEASE_LIMITS, files: 1 });
    narrow.judge({ ...FILE, name: "teleport/a" });
    narrow.judge({ ...FILE, name: "teleport/examples/b" });
    expect(() => narrow.judge({ ...FILE, name: "teleport/c" })).toThrow(REFUSED);

    const small = entryPolicy("teleport", { ...RELEASE_LIMITS, totalBytes: 10 });
    small.judge({ ...FILE, name: "teleport/a", size: 10 });
    expect(() => small.judge({ ...FILE, name: "teleport/b" })).toThrow(REFUSED);
  });

  test("[threat entry-names] the message names the entry and cannot act on a terminal", () => {
    const name = `teleport/\u001b[2J${"x".repeat(500)}`;
    try {
      judge({ name });
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      expect(error.message).toContain('"teleport/\\u001b[2Jxxx');
      expect(error.message.length).toBeLessThan(250);
    }
  });
});

describe("a folder that never came", () => {
  test("names what came", () => {
    const policy = entryPolicy("teleport-ent", RELEASE_LIMITS);
    policy.judge(FILE);
    expect(() => policy.finish()).toThrow(
      expect.objectContaining({ code: "E_ARCHIVE", message: expect.stringContaining('"teleport"') }),
    );
  });

  test("an archive without any entry", () => {
    expect(() => entryPolicy("teleport", RELEASE_LIMITS).finish()).toThrow(REFUSED);
  });
});

test("[threat entry-names] [threat entry-places] whatever the name, a place is a plain path in one of the known folders", () => {
  const piece = fc.oneof(
    fc.constantFrom("teleport", "examples", "..", ".", "", "/", "\0"),
    fc.string({ unit: "binary" }),
  );
  const name = fc.oneof(
    fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join("/")),
    fc.string({ unit: "binary" }).map((tail) => `teleport/${tail}`),
    fc.string({ unit: "binary-ascii" }).map((tail) => `teleport/${tail}`),
    fc.string({ unit: "grapheme" }).map((tail) => `teleport/${tail}`),
  );
  let placed = 0;
  fc.assert(
    fc.property(name, (value) => {
      try {
        const placement = judge({ name: value });
        if (!("place" in placement)) return;
        placed += 1;
        expect(placement.place).toMatch(/^(bin|share)\/[^/\p{C}]+$|^lib\/systemd\/system\/teleport\.service$/u);
        expect(placement.place.split("/")).not.toContain("..");
      } catch (error) {
        if (!isUpdateError(error, "E_ARCHIVE")) throw error;
      }
    }),
    { numRuns: 1000 },
  );
  expect(placed).toBeGreaterThan(20);
});
