import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { writeBundle } from "../../src/mirror/bundle.ts";
import { importBundle } from "../../src/mirror/import-bundle.ts";
import { sha256Of } from "../release/archive.ts";
import { base256, END, entry, longName, pax } from "../threats/raw-tar.ts";
import { type MirrorPlace, mirrorPlace, releaseFiles } from "./support/tree.ts";

const VERSION = "18.2.0";
const NAME = `teleport-v${VERSION}-linux-amd64-bin.tar.gz`;
const CONTENT = `archive of ${VERSION}`;

interface ListedFile {
  name: string;
  bytes: number;
  sha256: string;
}

const listed = (name: string, content = CONTENT): ListedFile => ({
  name,
  bytes: Buffer.byteLength(content),
  sha256: sha256Of(content),
});

/** A bundle whose manifest lists `files`, and after which these entries follow; as a tar, it is whole. */
function bundleOf(files: readonly ListedFile[], ...entries: Buffer[]): Buffer {
  const content = JSON.stringify({ kind: "teleport_mirror_bundle", version: "v1", files });
  return Buffer.concat([entry({ name: "manifest.json", mode: 0o644, content }), ...entries, END]);
}

const file = (more: Partial<Parameters<typeof entry>[0]> = {}) =>
  entry({ name: NAME, mode: 0o644, content: CONTENT, ...more });

/** Imports what is at `b.tar`, and tells whether anything was made beside it. */
async function refused(place: MirrorPlace): Promise<{ error: unknown; left: string[] }> {
  const before = readdirSync(place.at("."));
  const request = { from: place.at("b.tar"), to: place.at("mirror"), digest: "", keys: [], replaceSignatures: false };
  const error = await importBundle(place.world, request).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const left = readdirSync(place.at(".")).filter((name) => !before.includes(name));
  return { error, left };
}

test("an honest bundle of the makers of these tests is taken", async () => {
  using place = mirrorPlace();
  writeFileSync(place.at("b.tar"), bundleOf([listed(NAME)], file()));
  expect((await refused(place)).error).toBeUndefined();
  expect(place.read("mirror", NAME)).toBe(CONTENT);
});

describe("[threat bundle-frame] a bundle is refused, and nothing is written, when it has", () => {
  const [first, second] = [listed("a", "1"), listed("b", "2")];
  const [one, two] = [entry({ name: "a", mode: 0o644, content: "1" }), entry({ name: "b", mode: 0o644, content: "2" })];
  test.each<[string, Buffer]>([
    [
      "a symlink for a file",
      bundleOf([{ ...listed(NAME), bytes: 0 }], file({ type: "2", link: "/etc/shadow", content: "" })),
    ],
    [
      "a hard link for a file",
      bundleOf([{ ...listed(NAME), bytes: 0 }], file({ type: "1", link: "/etc/shadow", content: "" })),
    ],
    ["a device for a file", bundleOf([{ ...listed(NAME), bytes: 0 }], file({ type: "3", content: "" }))],
    ["a fifo for a file", bundleOf([{ ...listed(NAME), bytes: 0 }], file({ type: "6", content: "" }))],
    ["a folder for a file", bundleOf([{ ...listed(NAME), bytes: 0 }], file({ type: "5", content: "" }))],
    ["another name than the manifest", bundleOf([listed(NAME)], file({ name: `${NAME.slice(0, -1)}x` }))],
    ["a name that leads upwards", bundleOf([listed(NAME)], file({ name: "../escaped" }))],
    ["a folder in front of a name", bundleOf([listed(NAME)], file({ prefix: "../.." }))],
    ["a long name in front of a short one", bundleOf([listed(NAME)], longName("../escaped"), file())],
    ["an extended header with another path", bundleOf([listed(NAME)], pax({ path: "../escaped" }), file())],
    ["an extended header with another size", bundleOf([listed(NAME)], pax({ size: "1" }), file())],
    ["an extended header for all", bundleOf([listed(NAME)], pax({ path: "x" }, "g"), file())],
    ["another size than the manifest", bundleOf([listed(NAME)], file({ size: CONTENT.length - 1 }))],
    ["a size in base 256", bundleOf([listed(NAME)], file({ size: base256(BigInt(CONTENT.length)) }))],
    ["a setuid file", bundleOf([listed(NAME)], file({ mode: 0o4755 }))],
    ["a file of somebody", bundleOf([listed(NAME)], file({ owner: 1000 }))],
    ["files in another order", bundleOf([first, second], two, one)],
    ["a file twice", bundleOf([first, second], one, one)],
    ["a file that is not listed", bundleOf([first], one, two)],
    ["one file less than is listed", bundleOf([first, second], one)],
    ["a file in front of the manifest", Buffer.concat([one, bundleOf([first], one)])],
    ["an entry behind its end", Buffer.concat([bundleOf([first], one), two, END])],
    ["zeros behind its end", Buffer.concat([bundleOf([first], one), END])],
    ["only one block of zeros at its end", bundleOf([first], one).subarray(0, -512)],
    ["something in the filling behind a file", filled(bundleOf([first], one))],
    ["a manifest without an end", entry({ name: "manifest.json", mode: 0o644, size: 16 << 20, content: "{" })],
    ["a manifest of a terabyte", entry({ name: "manifest.json", mode: 0o644, size: base256(1n << 40n), content: "{" })],
    ["no manifest", Buffer.concat([one, END])],
    ["nothing", Buffer.alloc(0)],
    ["zeros alone", Buffer.alloc(10_240)],
  ])("%s", async (_, bytes) => {
    using place = mirrorPlace();
    writeFileSync(place.at("b.tar"), bytes);
    const { error, left } = await refused(place);
    expect(error).toMatchObject({ code: "E_MIRROR", message: expect.stringContaining("is refused") });
    expect(left).toEqual([]);
  });
});

describe("[threat bundle-digests] a bundle is refused, and nothing is written, when", () => {
  test("a file has another content of the same length, be it the last one", async () => {
    using place = mirrorPlace();
    const other = file({ content: CONTENT.toUpperCase() });
    writeFileSync(
      place.at("b.tar"),
      bundleOf([listed("a"), listed(NAME)], entry({ name: "a", mode: 0o644, content: CONTENT }), other),
    );
    const { error, left } = await refused(place);
    expect(error).toMatchObject({ code: "E_MIRROR", message: expect.stringContaining(`\`${NAME}\` has the SHA-256`) });
    expect(left).toEqual([]);
  });

  test("a checksum is longer than any is", async () => {
    using place = mirrorPlace();
    const long = "0".repeat(5000);
    const name = `${NAME}.sha256`;
    const files = [listed(NAME), listed(name, long)];
    writeFileSync(place.at("b.tar"), bundleOf(files, file(), entry({ name, mode: 0o644, content: long })));
    const message = expect.stringContaining("more than 4096 bytes");
    expect((await refused(place)).error).toMatchObject({ code: "E_MIRROR", message });
  });

  test("any byte that matters is changed, or any end cut off", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", releaseFiles(VERSION));
    await writeBundle(place.world, { tree, to: place.at("whole.tar"), versions: [] });
    const whole = readFileSync(place.at("whole.tar"));
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      bits: fc.integer({ min: 1, max: 255 }),
      isCut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, bits, isCut }) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ bits;
        writeFileSync(place.at("b.tar"), bytes);
        if (isCut) truncateSync(place.at("b.tar"), at);
        const { error, left } = await refused(place);
        if (error !== undefined) {
          expect(error).toMatchObject({ code: "E_MIRROR" });
          expect(left).toEqual([]);
          return;
        }
        // What a manifest only tells people, such as where a release came from, no digest is about: that takes a signature.
        expect(isCut).toBe(false);
        for (const name of [NAME, `${NAME}.sha256`]) expect(place.read("mirror", name)).toBe(place.read("tree", name));
        rmSync(place.at("mirror"), { recursive: true });
      }),
      { numRuns: 200, endOnFailure: true },
    );
  });
});

/** With a byte behind the content of the last file. */
function filled(bundle: Buffer): Buffer {
  const bytes = Buffer.from(bundle);
  bytes[bytes.length - END.length - 1] = 1;
  return bytes;
}
