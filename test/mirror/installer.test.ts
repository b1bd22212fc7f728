import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeBundle } from "../../src/mirror/bundle.ts";
import { importBundle } from "../../src/mirror/import-bundle.ts";
import { parseIndex } from "../../src/mirror/index-file.ts";
import { parseInstallScript } from "../../src/mirror/install-script.ts";
import { folderOrigin, httpOrigin } from "../../src/mirror/origins.ts";
import { signatureText } from "../../src/mirror/site-key.ts";
import { parseUpdaterName } from "../../src/mirror/updater-names.ts";
import { verifyTree } from "../../src/mirror/verify.ts";
import type { ErrorCode } from "../../src/platform/errors.ts";
import { makeP256Pair, parseP256Signer } from "../../src/platform/p256-signer.ts";
import { serve } from "../release/archive.ts";
import { makeUpdaterRelease } from "../support/updater-release.ts";
import { archiveBytes, build, mirrorWorld, nameOf, putArchive, temporaryFolder } from "./building.ts";

const KINDS = ["linux-amd64", "linux-amd64-fips", "linux-arm64"];

let place: ReturnType<typeof temporaryFolder>;
let release: string;
let tree: string;
beforeEach(() => {
  place = temporaryFolder();
  [release, tree] = [join(place.path, "release"), join(place.path, "tree")];
  mkdirSync(release);
});
afterEach(() => place[Symbol.dispose]());

const world = mirrorWorld();
const make = (version = "0.2.0", kinds = KINDS) =>
  makeUpdaterRelease(release, { version, kinds, program: { script: `#!/bin/sh\necho ${version}\n` } });
const bring = (more: Partial<Parameters<typeof build>[2]> = {}) =>
  build(world, tree, { versions: [], installer: folderOrigin(world.localFiles, release), ...more });
const tarball = (end: string, version = "0.2.0") => `teleport-update-v${version}-${end}-bin.tar.gz`;
const inTree = () => (existsSync(tree) ? readdirSync(tree) : []).filter((name) => !name.startsWith(".")).toSorted();
const index = () => parseIndex(readFileSync(join(tree, "index.json"), "utf8"), "index.json");
const withChecksums = (...names: string[]) => names.flatMap((name) => [name, `${name}.sha256`]);

describe("the updater in a mirror", () => {
  test("comes with its install script, for the processors of the mirror, and its files are listed", async () => {
    const { script, tarballs } = await make();
    const report = await bring();
    const names = [tarball("linux-amd64"), tarball("linux-amd64-fips")];
    expect(report).toMatchObject({ fetched: [...names, "install.sh"], failed: [], present: [] });
    expect(inTree()).toEqual(
      ["index.json", ...withChecksums("install.sh", tarball("linux-amd64-fips"), tarball("linux-amd64"))].toSorted(),
    );
    expect(readFileSync(join(tree, "install.sh"), "utf8")).toBe(script);
    expect(index().files[tarball("linux-amd64")]).toMatchObject({
      sha256: tarballs["linux-amd64"]?.sha256,
      origin: { place: join(release, tarball("linux-amd64")), proof: "pinned digest" },
    });
    expect(index().files["install.sh"]).toMatchObject({ origin: { proof: "checksum" } });
    expect((await verifyTree(world, tree, [])).damage).toEqual([]);
  });

  test("is left as it is by a second run", async () => {
    await make();
    await bring();
    const before = index().files;
    expect(await bring()).toMatchObject({ fetched: [], present: expect.arrayContaining(["install.sh"]), failed: [] });
    expect(index().files).toEqual(before);
  });

  test("stands beside releases, and goes with them into another mirror", async () => {
    await make();
    putArchive(release, nameOf("18.1.0"), archiveBytes(1));
    const origin = folderOrigin(world.localFiles, release);
    await bring({ versions: ["18.1.0"], origins: [origin] });
    await using server = serve(async ({ url }) => {
      const file = Bun.file(join(tree, new URL(url).pathname));
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
    });
    const second = join(place.path, "second");
    const from = httpOrigin(world, server.url);
    const report = await build(world, second, { versions: ["18.1.0"], origins: [from], installer: from });
    expect(report.failed).toEqual([]);
    expect(readdirSync(second).toSorted()).toEqual(readdirSync(tree).toSorted());
  });

  test("goes along in a bundle of one version, and is in its place before the script that names it", async () => {
    const { script } = await make();
    putArchive(release, nameOf("18.1.0"), archiveBytes(1));
    await bring({ versions: ["18.1.0"], origins: [folderOrigin(world.localFiles, release)] });
    const [to, closed] = [join(place.path, "b.tar"), join(place.path, "closed")];
    await writeBundle(world, { tree, to, versions: ["18.1.0"] });
    await importBundle(world, { from: to, to: closed, digest: "", keys: [], replaceSignatures: false });
    expect(readFileSync(join(closed, "install.sh"), "utf8")).toBe(script);
    expect((await verifyTree(world, closed, [])).damage).toEqual([]);
  });

  test("is signed by the site, script and all, and taken on the other side by the signature of the whole bundle", async () => {
    await make();
    const signer = parseP256Signer(makeP256Pair().privatePem);
    if (signer === undefined) throw new Error("no key");
    await bring({ signer });
    const signed = withChecksums("install.sh", tarball("linux-amd64"), tarball("linux-amd64-fips"));
    expect(inTree().filter((name) => name.endsWith(".sig"))).toEqual(
      signed
        .filter((name) => !name.endsWith(".sha256"))
        .map((name) => `${name}.sig`)
        .toSorted(),
    );
    expect((await verifyTree(world, tree, [signer.key])).damage).toEqual([]);
    const [to, closed] = [join(place.path, "b.tar"), join(place.path, "closed")];
    await writeBundle(world, { tree, to, versions: [], sign: (sha256) => signatureText(signer, sha256) });
    await importBundle(world, { from: to, to: closed, digest: "", keys: [signer.key], replaceSignatures: false });
    expect(readdirSync(closed)).toContain("install.sh");
  });
});

describe("a newer updater", () => {
  test("replaces the script, and older tarballs stay", async () => {
    await make("0.2.0");
    await bring();
    const { script } = await make("0.3.0");
    expect((await bring()).failed).toEqual([]);
    expect(readFileSync(join(tree, "install.sh"), "utf8")).toBe(script);
    expect(inTree()).toContain(tarball("linux-amd64", "0.2.0"));
    expect((await verifyTree(world, tree, [])).damage).toEqual([]);
  });

  test("with `--keep` takes the place of older ones, and a build that is not about it prunes none", async () => {
    for (const version of ["0.2.0", "0.3.0"]) {
      await make(version, ["linux-amd64"]);
      await bring();
    }
    putArchive(release, nameOf("18.1.0"), archiveBytes(1));
    const origins = [folderOrigin(world.localFiles, release)];
    expect((await build(world, tree, { versions: ["18.1.0"], origins, keep: 1 })).pruned).toEqual([]);
    const old = tarball("linux-amd64", "0.2.0");
    expect((await bring({ keep: 1 })).pruned.toSorted()).toEqual([old, `${old}.sha256`]);
    expect(inTree()).toContain(tarball("linux-amd64", "0.3.0"));
  });

  test("that is an older one again stays with `--keep`, as its script names it", async () => {
    for (const version of ["0.3.0", "0.2.0"]) {
      await make(version, ["linux-amd64"]);
      await bring({ keep: 1 });
    }
    expect(inTree()).toEqual(expect.arrayContaining([tarball("linux-amd64", "0.2.0"), "install.sh"]));
  });
});

describe("[threat mirror-proof] nothing of it is taken, and the script not either, when", () => {
  test.each<[string, () => void, string, ErrorCode]>([
    ["a tarball has a flipped bit", () => flip(tarball("linux-amd64-fips")), tarball("linux-amd64-fips"), "E_CHECKSUM"],
    ["a tarball is missing", () => rmSync(join(release, tarball("linux-amd64"))), tarball("linux-amd64"), "E_DOWNLOAD"],
    ["the script has a flipped bit", () => flip("install.sh"), "install.sh", "E_CHECKSUM"],
    ["the script has no checksum", () => rmSync(join(release, "install.sh.sha256")), "install.sh", "E_CHECKSUM"],
    ["there is no script", () => rmSync(join(release, "install.sh")), "install.sh", "E_MIRROR"],
  ])("%s", async (_, damage, name, code) => {
    await make();
    damage();
    const { failed } = await bring();
    expect(failed.find((one) => one.name === name)?.error.code).toBe(code);
    expect(failed.map((one) => one.name)).toContain("install.sh");
    expect(inTree()).not.toContain("install.sh");
  });

  test("a key is trusted that has signed none of it", async () => {
    await make();
    const key = parseP256Signer(makeP256Pair().privatePem)?.key;
    const { failed } = await bring({ demands: { keys: key === undefined ? [] : [key], skipSignature: false } });
    expect(failed.map(({ name, error }) => `${name} ${error.code}`)).toEqual(["install.sh E_SIGNATURE"]);
    expect(inTree()).toEqual([]);
  });

  test("the script is for other processors", async () => {
    await make();
    const { failed } = await bring({ architectures: ["386"] });
    expect(failed).toMatchObject([{ name: "install.sh", error: { code: "E_MIRROR" } }]);
  });

  test("[threat mirror-keeps] a file of somebody has its name", async () => {
    await make();
    mkdirSync(tree);
    writeFileSync(join(tree, "install.sh"), "of somebody");
    expect((await bring()).failed.map(({ name, error }) => `${name} ${error.code}`)).toEqual(["install.sh E_MIRROR"]);
    expect(readFileSync(join(tree, "install.sh"), "utf8")).toBe("of somebody");
  });
});

describe("damage in the tree is named", () => {
  test.each([tarball("linux-amd64"), "install.sh"])("a flipped bit in %s", async (name) => {
    await make();
    await bring();
    const bytes = readFileSync(join(tree, name));
    writeFileSync(join(tree, name), bytes.with(77, (bytes[77] ?? 0) ^ 1));
    const { damage } = await verifyTree(world, tree, []);
    expect(damage.map(({ file, kind }) => `${file} ${kind}`)).toEqual([`${name} changed`]);
  });

  test("a checksum that is gone", async () => {
    await make();
    await bring();
    rmSync(join(tree, "install.sh.sha256"));
    const { damage } = await verifyTree(world, tree, []);
    expect(damage.map(({ file, kind }) => `${file} ${kind}`)).toContain("install.sh.sha256 missing");
  });
});

describe("[threat mirror-proof] an install script is read", () => {
  const line = (name: string) => `${"ab".repeat(32)}  ${name}`;
  const script = (version: string, ...lines: string[]) => `VERSION='${version}'\nTARBALLS='${lines.join("\n")}'\n`;

  test("as it was filled in", () => {
    const text = script("0.2.0-rc.1", line(tarball("linux-arm64-fips", "0.2.0-rc.1")));
    expect(parseInstallScript(text, "place")).toEqual([
      {
        name: tarball("linux-arm64-fips", "0.2.0-rc.1"),
        version: "0.2.0-rc.1",
        architecture: "arm64",
        isFips: true,
        sha256: "ab".repeat(32),
      },
    ]);
  });

  test.each([
    ["nothing", ""],
    ["the template", readFileSync("scripts/install/install.sh", "utf8")],
    ["no digest", script("0.2.0", tarball("linux-amd64"))],
    ["a tarball of another version", script("0.3.0", line(tarball("linux-amd64")))],
    ["a name that leads elsewhere", script("0.2.0", line("../teleport-update-v0.2.0-linux-amd64-bin.tar.gz"))],
    ["a release of Teleport", script("18.1.0", line(nameOf("18.1.0")))],
    ["one line too many", script("0.2.0", line(tarball("linux-amd64")), "rm -rf /")],
  ])("not when it is %s", (_, text) => {
    expect(() => parseInstallScript(text, "place")).toThrow(expect.objectContaining({ code: "E_MIRROR" }));
  });

  test.each([
    "teleport-update-v0.2-linux-amd64-bin.tar.gz",
    "teleport-update-v0.2.0-linux-386-bin.tar.gz",
    "teleport-v18.1.0-linux-amd64-bin.tar.gz",
  ])("%s is no tarball of the updater", (name) => expect(parseUpdaterName(name)).toBeUndefined());
});

function flip(name: string): void {
  appendFileSync(join(release, name), "x");
}
