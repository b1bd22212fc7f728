import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type BundledFile,
  formatManifest,
  manifestOf,
  parseManifest,
  refusedBundle,
} from "../../src/mirror/manifest.ts";
import { isUpdateError } from "../../src/platform/errors.ts";

const DIGEST = "a".repeat(64);
const file = (name: string, more: object = {}) => ({ name, bytes: 1, sha256: DIGEST, ...more });
const written = (files: unknown, head: object = {}) =>
  JSON.stringify({ kind: "teleport_mirror_bundle", version: "v1", files, ...head });
const read = (text: string) => parseManifest(text, (reason) => refusedBundle("/b.tar", reason));

test("is sorted, whatever the order of the files", () => {
  expect(manifestOf([file("b"), file("a"), file("a.sig")]).files.map(({ name }) => name)).toEqual(["a", "a.sig", "b"]);
});

test("is read as it was written", () => {
  const name = fc
    .stringMatching(/^[a-z0-9][A-Za-z0-9._+-]{0,60}$/)
    .filter((text) => !/^(index|manifest)\.json$|\.(sha256|sig)$/.test(text));
  const plain = fc.string({ maxLength: 50 }).filter((text) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(text));
  const files = fc.uniqueArray(
    fc.record(
      {
        name,
        bytes: fc.integer({ min: 0, max: 2 ** 32 }),
        sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
        origin: fc.record(
          { place: plain, proof: plain, key: plain, fetched: plain },
          { requiredKeys: ["place", "proof", "fetched"] },
        ),
        modified: fc
          .date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") })
          .map((date) => date.toISOString()),
      },
      { requiredKeys: ["name", "bytes", "sha256"] },
    ),
    { selector: (one) => one.name.toLowerCase(), maxLength: 5 },
  );
  fc.assert(
    fc.property(files, (some) => {
      const manifest = manifestOf(some satisfies BundledFile[]);
      expect(read(formatManifest(manifest))).toEqual(manifest);
    }),
  );
});

test("reads from the name which release a file is of", () => {
  const name = "teleport-ent-v18.1.0-linux-amd64-fips-bin.tar.gz";
  const { files } = read(written([file(name), file(`${name}.sha256`)]));
  expect(files.map(({ release }) => release)).toEqual(Array(2).fill("18.1.0+Enterprise+FIPS"));
});

test("drops what it does not know, so that a later release may add to it", () => {
  const text = written([file("a", { later: 1 })], { more: true });
  expect(read(text)).toEqual(manifestOf([file("a")]));
});

describe("[threat bundle-names] is refused", () => {
  test.each<[string, string, string]>([
    ["no JSON", "{", "no bundle of a mirror"],
    ["of another kind", JSON.stringify({ kind: "teleport_mirror", version: "v1", files: [] }), "no bundle of a mirror"],
    ["of a newer release", written([], { version: "v2" }), "of a newer release"],
    ["without files", written({}), "lists no files"],
    [
      "with too many files",
      written(Array.from({ length: 10_001 }, (_, at) => file(`f${at}`))),
      "more than 10000 files",
    ],
    ["with a file that is none", written(["a"]), "something that is no file"],
    ["with a name that leads upwards", written([file("../etc/passwd")]), "is no name"],
    ["with an absolute name", written([file("/etc/passwd")]), "is no name"],
    ["with a name in a folder", written([file("a/b")]), "is no name"],
    ["with the name of a hidden file", written([file(".lock")]), "is no name"],
    ["with the name of the index", written([file("index.json")]), "is no name"],
    ["with the name of the manifest", written([file("manifest.json")]), "is no name"],
    ["with a name with an escape code", written([file("a\u001b[2J")]), "is no name"],
    ["with a name that is none", written([file("a", { name: 7 })]), "is no name"],
    ["with a name twice", written([file("a"), file("a")]), "twice or out of order"],
    ["with a name twice but for upper case", written([file("A"), file("a")]), "twice but for upper case"],
    ["with names out of order", written([file("b"), file("a")]), "twice or out of order"],
    // It would replace the one that is in the tree.
    ["with a checksum alone", written([file("a.sha256"), file("b")]), "`a.sha256` comes without `a`"],
    ["with a signature alone", written([file("a.sig")]), "`a.sig` comes without `a`"],
    ["with half a digest", written([file("a", { sha256: "a".repeat(63) })]), "has no digest"],
    ["with a negative size", written([file("a", { bytes: -1 })]), "has no size"],
    ["with a size that is no number", written([file("a", { bytes: "1" })]), "has no size"],
    ["with a huge size", written([file("a", { bytes: 2 ** 40 })]), "has no size"],
    ["with a release that acts on a terminal", written([file("a", { release: "\u001b" })]), "is something else"],
    [
      "with an endless origin",
      written([file("a", { origin: { place: "x".repeat(2001), proof: "", fetched: "" } })]),
      "is something else",
    ],
    [
      // By which `--keep` would remove all others.
      "with a release that its name is not of",
      written([file("teleport-v18.1.0-linux-amd64-bin.tar.gz.sig", { release: "999.0.0" })]),
      "is another one",
    ],
    ["with a release of what is of none", written([file("notes.txt", { release: "18.1.0" })]), "is another one"],
    ["nested without end", `${"[".repeat(1000)}`, "no bundle of a mirror"],
    ["with an origin that is none", written([file("a", { origin: null })]), "is something else"],
    ["with a date that is none", written([file("a", { modified: "2026-99-99T00:00:00Z" })]), "`modified` of `a`"],
  ])("%s", (_, text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "E_MIRROR" }));
  });

  test("whatever it is, in words of ours", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((files) => written(files)),
        ),
        (text) => {
          try {
            read(text);
          } catch (error) {
            expect(isUpdateError(error, "E_MIRROR")).toBe(true);
          }
        },
      ),
    );
  });
});
