import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderOrigin } from "../../src/mirror/origins.ts";
import { lockTree } from "../../src/mirror/tree-lock.ts";
import { formatTreeReport, verifyTree } from "../../src/mirror/verify.ts";
import { makeP256Pair, type P256Signer, parseP256Signer } from "../../src/platform/p256-signer.ts";
import { archiveBytes, build, mirrorWorld, nameOf, putArchive, temporaryFolder } from "./building.ts";

const [FIRST, SECOND] = [nameOf("18.1.0"), nameOf("18.2.0")];
const world = mirrorWorld();
const keyPair = (): P256Signer => {
  const signer = parseP256Signer(makeP256Pair().privatePem);
  if (signer === undefined) throw new Error("no key");
  return signer;
};
const site = keyPair();

let cdn: ReturnType<typeof temporaryFolder>;
let place: ReturnType<typeof temporaryFolder>;
let tree: string;
beforeEach(async () => {
  [cdn, place] = [temporaryFolder(), temporaryFolder()];
  tree = place.path;
  for (const name of [FIRST, SECOND]) putArchive(cdn.path, name, archiveBytes(1));
  const origins = [folderOrigin(world.localFiles, cdn.path)];
  await build(world, tree, { versions: ["18"], origins, signer: site });
});
afterEach(() => {
  for (const folder of [cdn, place]) folder[Symbol.dispose]();
});

const at = (name: string) => join(tree, name);
const verify = (keys = [site.key]) => verifyTree(world, tree, keys);

test("a tree as it was built is whole", async () => {
  const report = await verify();
  expect(report).toMatchObject({ files: 6, damage: [], partial: [] });
  expect(formatTreeReport("/srv/mirror", report)).toBe("/srv/mirror: as it was built, 6 files, 1 MB\n");
});

describe("damage is named", () => {
  test.each<[string, () => void, string[]]>([
    ["a flipped bit", () => writeFileSync(at(FIRST), archiveBytes(1).with(77, 1)), [`${FIRST} changed`]],
    ["a file that was cut", () => truncateSync(at(FIRST), 1000), [`${FIRST} changed`]],
    ["a file that is gone", () => rmSync(at(SECOND)), [`${SECOND} missing`]],
    [
      "a link in the place of a file",
      () => {
        rmSync(at(FIRST));
        symlinkSync(join(cdn.path, FIRST), at(FIRST));
      },
      [`${FIRST} changed`],
    ],
    [
      "a checksum of another archive",
      () => writeFileSync(at(`${FIRST}.sha256`), `${"ab".repeat(32)}  ${FIRST}\n`),
      [`${FIRST}.sha256 changed`, `${FIRST}.sha256 checksum`],
    ],
    ["a checksum that is gone", () => rmSync(at(`${FIRST}.sha256`)), [`${FIRST}.sha256 missing`]],
    ["a signature that is gone", () => rmSync(at(`${SECOND}.sig`)), [`${SECOND}.sig missing`]],
    [
      "a file of somebody else",
      () => writeFileSync(at("teleport-v19.0.0-linux-amd64-bin.tar.gz"), "x"),
      ["teleport-v19.0.0-linux-amd64-bin.tar.gz added"],
    ],
  ])("%s", async (_, harm, found) => {
    harm();
    const { damage } = await verify();
    expect(damage.map(({ file, kind }) => `${file} ${kind}`).toSorted()).toEqual(found);
  });

  test("signatures by another key", async () => {
    const { damage } = await verify([keyPair().key]);
    expect(damage.map(({ file, kind }) => [file, kind])).toEqual([
      [`${FIRST}.sig`, "signature"],
      [`${SECOND}.sig`, "signature"],
    ]);
  });

  test("in words, with nothing that a terminal would act on", async () => {
    writeFileSync(at("evil\u001b[2J"), "x");
    writeFileSync(at(FIRST), archiveBytes(2));
    const text = formatTreeReport("/srv/mirror", await verify());
    expect(text).toStartWith("/srv/mirror: DAMAGED, 2 problems, 6 files, 1 MB\n    `evil");
    expect(text).toContain(`    \`${FIRST}\` was changed: it has the SHA-256 `);
    expect(text).not.toContain("\u001b");
  });
});

test("signatures are looked at with a key only", async () => {
  expect((await verify([])).damage).toEqual([]);
});

test("a download that was interrupted is told, and is no damage", async () => {
  writeFileSync(at(`.${FIRST}.partial`), "x");
  expect(await verify()).toMatchObject({ damage: [], partial: [`.${FIRST}.partial`] });
});

test("what a file system of its own has at its top is no damage", async () => {
  mkdirSync(at("lost+found"));
  expect((await verify()).damage).toEqual([]);
});

test("who looks sees how far it is", async () => {
  const drawn: string[] = [];
  const terminal = { columns: 80, write: (text: string) => drawn.push(text) };
  await verifyTree({ ...world, terminal }, tree, []);
  expect(drawn.join("")).toContain("100%");
});

test("a folder into which the first build is under way is told from one that is no mirror", async () => {
  using empty = temporaryFolder();
  using _ = await lockTree(world, empty.path);
  const hint = expect.stringContaining("is under way");
  await expect(verifyTree(world, empty.path, [])).rejects.toMatchObject({ code: "E_MIRROR", hint });
});

test("a folder without an index is no mirror", async () => {
  await expect(verifyTree(world, cdn.path, [])).rejects.toMatchObject({ code: "E_MIRROR" });
});
