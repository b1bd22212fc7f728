import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { writeBundle } from "../../src/mirror/bundle.ts";
import { type ImportRequest, importBundle } from "../../src/mirror/import-bundle.ts";
import { readIndex } from "../../src/mirror/index-file.ts";
import { readSiteKey, signatureText, writeSiteKey } from "../../src/mirror/site-key.ts";
import { lockTree } from "../../src/mirror/tree-lock.ts";
import { readTrustedKeys } from "../../src/release/trusted-keys.ts";
import { sha256Of } from "../release/archive.ts";
import { type MirrorPlace, mirrorPlace, releaseFiles } from "./support/tree.ts";

const OLD = "18.1.0";
const NEW = "18.2.0";
const ARCHIVE = `teleport-v${NEW}-linux-amd64-bin.tar.gz`;
const PUBLISHED = new Date("2026-10-01T12:00:00.000Z");

type Files = Parameters<MirrorPlace["tree"]>[1];

/** A bundle of these files at `b.tar`. */
async function bundled(place: MirrorPlace, files: Files = releaseFiles(NEW), sign?: (sha256: string) => string) {
  const tree = place.tree("tree", files);
  for (const name of Object.keys(files)) utimesSync(`${tree}/${name}`, PUBLISHED, PUBLISHED);
  return writeBundle(place.world, { tree, to: place.at("b.tar"), versions: [], sign });
}

const imported = (place: MirrorPlace, more: Partial<ImportRequest> = {}) =>
  importBundle(place.world, {
    from: place.at("b.tar"),
    to: place.at("mirror"),
    digest: "",
    keys: [],
    replaceSignatures: false,
    ...more,
  });
const namesIn = (folder: string) => readdirSync(folder).sort();
const listed = (place: MirrorPlace) => namesIn(place.at("mirror")).filter((name) => name !== ".lock");
const indexOf = (place: MirrorPlace) => readIndex(place.world.localFiles, place.at("mirror/index.json"));

/** A key of a site, the signatures that it makes, and what hosts trust. */
async function siteKey(place: MirrorPlace, name = "site") {
  const { localFiles } = place.world;
  const { privateFile, publicFile, id } = await writeSiteKey(localFiles, place.at(`${name}.key`));
  const signer = await readSiteKey(localFiles, privateFile);
  return {
    id,
    sign: (sha256: string) => signatureText(signer, sha256),
    keys: await readTrustedKeys(localFiles, [publicFile]),
  };
}

describe("an import", () => {
  test("brings every file, the date of the checksum, and an index of what came from where", async () => {
    using place = mirrorPlace();
    const made = await bundled(place, { ...releaseFiles(NEW), "install.sh": "#!/bin/sh\n" });
    expect(await imported(place)).toEqual({ sha256: made.sha256, bytes: made.bytes, added: 3, kept: 0 });
    expect(listed(place)).toEqual(["index.json", "install.sh", ARCHIVE, `${ARCHIVE}.sha256`]);
    for (const name of [ARCHIVE, `${ARCHIVE}.sha256`, "install.sh"]) {
      expect(place.read("mirror", name)).toBe(place.read("tree", name));
    }
    // By which hosts judge how old a release is.
    expect(statSync(place.at(`mirror/${ARCHIVE}.sha256`)).mtime).toEqual(PUBLISHED);
    expect(statSync(place.at(`mirror/${ARCHIVE}`)).mode & 0o777).toBe(0o644);
    expect(indexOf(place)?.files).toEqual(readIndex(place.world.localFiles, place.at("tree/index.json"))?.files ?? {});
  });

  test("a second time changes nothing", async () => {
    using place = mirrorPlace();
    await bundled(place);
    await imported(place);
    const before = statSync(place.at("mirror/index.json"));
    expect(await imported(place)).toMatchObject({ added: 0, kept: 2 });
    expect(statSync(place.at("mirror/index.json")).ino).toBe(before.ino);
  });

  test("adds to what is there", async () => {
    using place = mirrorPlace();
    place.tree("mirror", { ...releaseFiles(OLD), "install.sh": "old" });
    await bundled(place, { ...releaseFiles(NEW), "install.sh": "new" });
    expect(await imported(place)).toMatchObject({ added: 3 });
    expect(Object.keys(indexOf(place)?.files ?? {})).toHaveLength(5);
    expect(place.read("mirror/install.sh")).toBe("new");
  });

  test("goes on where a run that was killed has stopped: one file is there, half of another, and no index", async () => {
    using place = mirrorPlace();
    await bundled(place);
    await imported(place);
    rmSync(place.at("mirror/index.json"));
    rmSync(place.at(`mirror/${ARCHIVE}.sha256`));
    writeFileSync(place.at(`mirror/.${ARCHIVE}.sha256.partial`), "half");
    expect(await imported(place)).toMatchObject({ added: 1, kept: 1 });
    expect(listed(place)).toEqual(["index.json", ARCHIVE, `${ARCHIVE}.sha256`]);
  });

  test("mends a file of the mirror that was damaged", async () => {
    using place = mirrorPlace();
    await bundled(place);
    await imported(place);
    writeFileSync(place.at(`mirror/${ARCHIVE}`), "damaged");
    expect(await imported(place)).toMatchObject({ added: 1, kept: 1 });
    expect(place.read("mirror", ARCHIVE)).toBe(place.read("tree", ARCHIVE));
  });

  test("leaves nothing half when it is interrupted", async () => {
    using place = mirrorPlace();
    await bundled(place);
    const world = { ...place.world, signal: AbortSignal.abort() };
    const run = importBundle(world, {
      from: place.at("b.tar"),
      to: place.at("mirror"),
      digest: "",
      keys: [],
      replaceSignatures: false,
    });
    await expect(run).rejects.toMatchObject({ code: "E_CANCELED" });
    expect(namesIn(place.at("."))).toEqual(["b.tar", "tree"]);
  });

  test("[threat bundle-digests] ends when the bundle is another by now, and what it was then is not taken", async () => {
    using place = mirrorPlace();
    await bundled(place);
    const { info } = place.log;
    place.log.info = (message, attributes) => {
      info(message, attributes);
      if (message !== "The bundle is whole.") return;
      const path = place.at("b.tar");
      writeFileSync(path, readFileSync(path, "latin1").replaceAll(`archive of ${NEW}`, `ARCHIVE of ${NEW}`), "latin1");
    };
    await expect(imported(place)).rejects.toMatchObject({ code: "E_MIRROR" });
    expect(listed(place)).toEqual([]);
  });

  test("says when there is no such bundle, or no tree can be where it is to go", async () => {
    using place = mirrorPlace();
    await bundled(place);
    await expect(imported(place, { from: place.at("typo.tar") })).rejects.toMatchObject({
      code: "E_MIRROR",
      message: `there is no file \`${place.at("typo.tar")}\``,
      hint: expect.stringContaining("--from"),
    });
    await expect(imported(place, { from: place.at("tree") })).rejects.toMatchObject({
      message: expect.stringContaining("no regular file"),
    });
    await expect(imported(place, { to: place.at("b.tar") })).rejects.toMatchObject({
      code: "E_IO",
      message: expect.not.stringContaining("EEXIST"),
    });
  });

  test("waits for nobody who writes into the same tree", async () => {
    using place = mirrorPlace();
    await bundled(place);
    using _ = await lockTree(place.world, place.at("mirror"));
    await expect(imported(place)).rejects.toMatchObject({ code: "E_LOCK_BUSY" });
  });

  test.each<[string, (place: MirrorPlace) => void, string]>([
    [
      "an archive that the index has with another digest",
      (place) => place.tree("mirror", releaseFiles(NEW, "another")),
      "is another archive",
    ],
    [
      "a file that the index does not name",
      (place) => writeFileSync(`${place.tree("mirror", {})}/${ARCHIVE}`, "somebody's"),
      "that the index does not name",
    ],
    [
      "a link",
      (place) => symlinkSync(place.at("victim"), `${place.tree("mirror", {})}/${ARCHIVE}`),
      "is no regular file",
    ],
  ])("[threat mirror-keeps] stops before the first file where %s is in the way", async (_, prepare, message) => {
    using place = mirrorPlace();
    await bundled(place);
    prepare(place);
    const before = listed(place);
    await expect(imported(place)).rejects.toMatchObject({
      code: "E_MIRROR",
      message: expect.stringContaining(message),
    });
    expect(listed(place)).toEqual(before);
    expect(namesIn(place.at("."))).not.toContain("victim");
  });
});

test("[threat mirror-keeps] a file of somebody is not replaced, though every object knows its name", async () => {
  using place = mirrorPlace();
  writeFileSync(`${place.tree("mirror", {})}/constructor`, "theirs");
  await bundled(place, { constructor: "other" });
  await expect(imported(place)).rejects.toMatchObject({ code: "E_MIRROR" });
});

test("[threat mirror-keeps] a file of somebody stays theirs when a bundle has the same, and no later one replaces it", async () => {
  using place = mirrorPlace();
  writeFileSync(`${place.tree("mirror", {})}/robots.txt`, "Disallow: /\n");
  await bundled(place, { ...releaseFiles(NEW), "robots.txt": "Disallow: /\n" });
  await imported(place);
  expect(Object.keys(indexOf(place)?.files ?? {})).toEqual([ARCHIVE, `${ARCHIVE}.sha256`]);
  await bundled(place, { "robots.txt": "Allow: /\n" });
  await expect(imported(place)).rejects.toMatchObject({ code: "E_MIRROR" });
});

test("[threat mirror-keeps] a signature stays that is another one than the bundle's, unless it is to be replaced", async () => {
  using place = mirrorPlace();
  place.tree("mirror", { ...releaseFiles(NEW), [`${ARCHIVE}.sig`]: "the site's" });
  await bundled(place, { ...releaseFiles(NEW), ...releaseFiles(OLD), [`${ARCHIVE}.sig`]: "the publisher's" });
  await expect(imported(place)).rejects.toMatchObject({
    code: "E_MIRROR",
    hint: expect.stringContaining("--replace-signatures"),
  });
  expect(place.read(`mirror/${ARCHIVE}.sig`)).toBe("the site's");
  await imported(place, { replaceSignatures: true });
  expect(place.read(`mirror/${ARCHIVE}.sig`)).toBe("the publisher's");
  // A damaged one vouches for nothing.
  writeFileSync(place.at(`mirror/${ARCHIVE}.sig`), "damaged");
  await imported(place);
  expect(place.read(`mirror/${ARCHIVE}.sig`)).toBe("the publisher's");
});

test("says so when nobody vouches for a bundle", async () => {
  using place = mirrorPlace();
  const { sha256 } = await bundled(place);
  const warnings = () => place.log.lines.filter((line) => line.startsWith("WARN The bundle may be anybody's"));
  await imported(place, { digest: sha256 });
  expect(warnings()).toHaveLength(0);
  await imported(place);
  expect(warnings()).toHaveLength(1);
});

describe("[threat bundle-belief] a bundle is believed", () => {
  test("with `--digest`, when it is that one", async () => {
    using place = mirrorPlace();
    const { sha256 } = await bundled(place);
    await imported(place, { digest: sha256 });
    expect(indexOf(place)?.files[ARCHIVE]?.origin).toMatchObject({ proof: "pinned digest" });
  });

  test("not with another `--digest`, and nothing is written", async () => {
    using place = mirrorPlace();
    await bundled(place);
    const run = imported(place, { digest: "0".repeat(64) });
    await expect(run).rejects.toMatchObject({ code: "E_MIRROR", message: expect.stringContaining("`--digest` says") });
    expect(namesIn(place.at("."))).toEqual(["b.tar", "tree"]);
  });

  test("with a trusted key, by the signature of the whole bundle", async () => {
    using place = mirrorPlace();
    const { sign, keys, id } = await siteKey(place);
    await bundled(place, { ...releaseFiles(NEW), "install.sh": "#!/bin/sh\n" }, sign);
    await imported(place, { keys });
    expect(indexOf(place)?.files[ARCHIVE]?.origin).toMatchObject({ proof: "signature", key: id });
  });

  test("with a trusted key, by the signatures of all files in it", async () => {
    using place = mirrorPlace();
    const { sign, keys, id } = await siteKey(place);
    const signature = { [`${ARCHIVE}.sig`]: sign(sha256Of(`archive of ${NEW}`)) };
    await bundled(place, { ...releaseFiles(NEW), ...signature });
    await imported(place, { keys });
    expect(indexOf(place)?.files[ARCHIVE]?.origin).toMatchObject({ proof: "signature", key: id });
  });

  test("never by what it says of itself", async () => {
    using place = mirrorPlace();
    const origin = { place: "https://cdn.test/a", proof: "signature", key: "SHA256:theirs", fetched: "then" };
    await bundled(place, { [ARCHIVE]: { content: "a", release: NEW, origin } });
    await imported(place);
    expect(indexOf(place)?.files[ARCHIVE]?.origin).toEqual({
      place: "https://cdn.test/a",
      proof: "checksum",
      fetched: "then",
    });
  });

  test("with a trusted key for its files only, not for the dates that its list gives them", async () => {
    using place = mirrorPlace();
    const { sign, keys } = await siteKey(place);
    const signature = { [`${ARCHIVE}.sig`]: sign(sha256Of(`archive of ${NEW}`)) };
    const { sha256 } = await bundled(place, { ...releaseFiles(NEW), ...signature });
    await imported(place, { keys });
    expect(statSync(place.at(`mirror/${ARCHIVE}.sha256`)).mtimeMs).toBeGreaterThan(PUBLISHED.getTime() + 1000);
    await imported(place, { keys, digest: sha256, to: place.at("second") });
    expect(statSync(place.at(`second/${ARCHIVE}.sha256`)).mtime).toEqual(PUBLISHED);
  });

  test.each<[string, (keys: { sign: Sign; other: Sign }) => { files?: Files; sign?: Sign }, string]>([
    ["no signature", () => ({}), "neither"],
    ["a signature by another key", ({ other }) => ({ sign: other }), ") of the bundle, which has the SHA-256 "],
    ["a signature of another bundle", ({ sign }) => ({ sign: () => sign("0".repeat(64)) }), "no signature by"],
    ["something else for a signature", () => ({ sign: () => "<html>" }), "is not base64"],
    [
      "a signature of one archive only",
      ({ sign }) => ({ files: { ...releaseFiles(OLD), [`${ARCHIVE}.sig`]: sign(sha256Of(`archive of ${NEW}`)) } }),
      `v${OLD}-linux-amd64-bin.tar.gz.sig\``,
    ],
    [
      // It would be as good under the name of any other file.
      "a script, signed or not, without a signature of the whole",
      ({ sign }) => ({
        files: {
          "install.sh": `archive of ${NEW}`,
          "install.sh.sig": sign(sha256Of(`archive of ${NEW}`)),
          [`${ARCHIVE}.sig`]: sign(sha256Of(`archive of ${NEW}`)),
        },
      }),
      "`install.sh` needs it",
    ],
    [
      "a signature of its archive by another key",
      ({ other }) => ({ files: { [`${ARCHIVE}.sig`]: other(sha256Of(`archive of ${NEW}`)) } }),
      ") of the file in the bundle, which has the SHA-256 ",
    ],
    [
      // Else who signs one file would sign the bundle.
      "a good signature inside, and a bad one of the whole",
      ({ sign, other }) => ({ files: { [`${ARCHIVE}.sig`]: sign(sha256Of(`archive of ${NEW}`)) }, sign: other }),
      "no signature by",
    ],
  ])("not with a trusted key and %s", async (_, make, message) => {
    using place = mirrorPlace();
    const { sign, keys } = await siteKey(place);
    const { sign: other } = await siteKey(place, "other");
    const made = make({ sign, other });
    await bundled(place, { ...releaseFiles(NEW), ...made.files }, made.sign);
    const run = imported(place, { keys });
    await expect(run).rejects.toMatchObject({ code: "E_SIGNATURE", message: expect.stringContaining(message) });
    expect(namesIn(place.at("."))).not.toContain("mirror");
  });

  test("not with a checksum of another file in it", async () => {
    using place = mirrorPlace();
    await bundled(place, { ...releaseFiles(NEW), [`${ARCHIVE}.sha256`]: `${"0".repeat(64)}  ${ARCHIVE}\n` });
    await expect(imported(place)).rejects.toMatchObject({
      code: "E_MIRROR",
      message: expect.stringContaining("is not about"),
    });
  });
});

type Sign = (sha256: string) => string;
