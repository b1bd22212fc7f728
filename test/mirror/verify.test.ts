import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIndex, type MirrorIndex, parseIndex } from "../../src/mirror/index-file.ts";
import { folderOrigin } from "../../src/mirror/origins.ts";
import { lockTree } from "../../src/mirror/tree-lock.ts";
import { formatTreeReport, verifyTree } from "../../src/mirror/verify.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { makeP256Pair, type P256Signer, parseP256Signer } from "../../src/platform/p256-signer.ts";
import { sha256Of } from "../release/archive.ts";
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

describe("a file that cannot be read is damage like other, and the rest is looked at", () => {
  const failing = (name: string, code: "E_IO" | "E_CANCELED") => {
    const fail = (path: string) => {
      if (path === at(name)) throw new UpdateError(code, `cannot read \`${path}\`: the disk failed`);
      return path;
    };
    const { localFiles } = world;
    return {
      ...world,
      localFiles: {
        ...localFiles,
        stat: (path: string) => localFiles.stat(fail(path)),
        real: (path: string) => localFiles.real(fail(path)),
        readText: (path: string, ...rest: [number]) => localFiles.readText(fail(path), ...rest),
      },
    };
  };

  test.each([
    [FIRST, [`${FIRST} unreadable`]],
    [`${FIRST}.sha256`, [`${FIRST}.sha256 checksum`, `${FIRST}.sha256 unreadable`]],
    [`${FIRST}.sig`, [`${FIRST}.sig signature`, `${FIRST}.sig unreadable`]],
  ])("%s", async (name, wanted) => {
    writeFileSync(at(SECOND), "damaged");
    const { damage } = await verifyTree(failing(name, "E_IO"), tree, [site.key]);
    const found = damage.map(({ file, kind }) => `${file} ${kind}`).toSorted();
    expect(found).toEqual([...wanted, `${SECOND} changed`]);
    expect(damage.find(({ kind }) => kind === "unreadable")?.problem).toStartWith("cannot be read: ");
  });

  test("but for an interrupt, which ends it", async () => {
    const run = verifyTree(failing(FIRST, "E_CANCELED"), tree, []);
    await expect(run).rejects.toMatchObject({ code: "E_CANCELED" });
  });
});

describe("a tree that is built meanwhile is as healthy as its index then says", () => {
  /** Verifies the tree, and does `work` once the first files are about to be read. */
  const verifyDuring = (work: () => void, keys = [site.key]) => {
    let isDone = false;
    const write = () => {
      if (!isDone) work();
      isDone = true;
    };
    return verifyTree({ ...world, terminal: { columns: 80, write } }, tree, keys);
  };
  const indexNow = () => parseIndex(readFileSync(at("index.json"), "utf8"), "");
  const writeIndex = (files: MirrorIndex["files"]) =>
    writeFileSync(at("index.json"), formatIndex({ ...indexNow(), written: "later", files }));

  test("with a release that came, and one that went", async () => {
    const { damage } = await verifyDuring(() => {
      const { files } = indexNow();
      const left = Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith(FIRST)));
      for (const suffix of ["", ".sha256", ".sig"]) rmSync(at(`${FIRST}${suffix}`));
      const sha256 = putArchive(tree, nameOf("18.3.0"), archiveBytes(3));
      const bytes = 300_000;
      writeIndex({ ...left, [nameOf("18.3.0")]: { sha256, bytes }, [`${nameOf("18.3.0")}.sha256`]: { sha256, bytes } });
    });
    expect(damage).toEqual([]);
  });

  test("with a file that another one took the place of, and with one that is damaged all the same", async () => {
    const { damage } = await verifyDuring(() => {
      const sha256 = putArchive(tree, FIRST, archiveBytes(4));
      const { files } = indexNow();
      const text = readFileSync(at(`${FIRST}.sha256`));
      const beside = { sha256: sha256Of(text), bytes: text.length };
      writeIndex({ ...files, [FIRST]: { sha256, bytes: 300_000 }, [`${FIRST}.sha256`]: beside });
      writeFileSync(at(SECOND), "damaged");
    }, []);
    expect(damage).toMatchObject([{ file: SECOND, kind: "changed" }]);
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
