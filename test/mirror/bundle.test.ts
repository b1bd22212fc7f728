import { describe, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { writeBundle } from "../../src/mirror/bundle.ts";
import { sha256Of } from "../release/archive.ts";
import { must } from "../support/must.ts";
import { mirrorPlace, releaseFiles } from "./support/tree.ts";

const OLD = "18.1.0";
const NEW = "18.2.0";
const SCRIPT = { "install.sh": "#!/bin/sh\n" };
const archive = (version: string) => `teleport-v${version}-linux-amd64-bin.tar.gz`;
const all = { versions: [] };

describe("a bundle", () => {
  test("is a tar archive that any tar unpacks, with the manifest first and the digest that was told", async () => {
    using place = mirrorPlace();
    const long = `teleport-ent-v18.2.0-rc.${"1".repeat(60)}-linux-amd64-fips-bin.tar.gz`;
    const tree = place.tree("tree", { ...releaseFiles(NEW), ...SCRIPT, empty: "", [long]: "x".repeat(512) });
    const made = await writeBundle(place.world, { tree, to: place.at("b.tar"), ...all });
    expect(made).toMatchObject({ sha256: sha256Of(readFileSync(place.at("b.tar"))), files: 5 });

    const names = (await must(["tar", "-tf", place.at("b.tar")])).trimEnd().split("\n");
    expect(names).toEqual(["manifest.json", "empty", "install.sh", long, archive(NEW), `${archive(NEW)}.sha256`]);
    await mkdir(place.at("out"));
    await must(["tar", "-xf", place.at("b.tar"), "-C", place.at("out")]);
    for (const name of names.slice(1)) expect(place.read("out", name)).toBe(place.read("tree", name));
  });

  test("is the same for the same files, whenever it is made", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", { ...releaseFiles(NEW), ...SCRIPT });
    const first = await writeBundle(place.world, { tree, to: place.at("1.tar"), ...all });
    utimesSync(place.at(`tree/${archive(NEW)}`), 1, 1);
    const second = await writeBundle(place.world, { tree, to: place.at("2.tar"), ...all });
    expect(second.sha256).toBe(first.sha256);
  });

  test.each<[string, string[], string[]]>([
    [
      "everything",
      [],
      [
        archive(OLD),
        archive(NEW),
        "teleport-ent-v18.2.0-linux-amd64-bin.tar.gz",
        "teleport-ent-v18.3.0-linux-amd64-bin.tar.gz",
        "teleport-ent-v18.3.0-linux-amd64-fips-bin.tar.gz",
      ],
    ],
    ["a version in all its editions", [NEW], [archive(NEW), "teleport-ent-v18.2.0-linux-amd64-bin.tar.gz"]],
    ["a version as tags have it", [`v${OLD}`], [archive(OLD)]],
    ["a range of versions", ["18.2..18.2.9"], [archive(NEW), "teleport-ent-v18.2.0-linux-amd64-bin.tar.gz"]],
    ["one edition", [`${NEW}+Enterprise`], ["teleport-ent-v18.2.0-linux-amd64-bin.tar.gz"]],
    ["the other edition", ["18.3.0+Enterprise+FIPS"], ["teleport-ent-v18.3.0-linux-amd64-fips-bin.tar.gz"]],
    [
      "one edition, where there is one of a longer name",
      ["18.3.0+Enterprise"],
      ["teleport-ent-v18.3.0-linux-amd64-bin.tar.gz"],
    ],
    ["several versions", [OLD, `${NEW}+Enterprise`], [archive(OLD), "teleport-ent-v18.2.0-linux-amd64-bin.tar.gz"]],
  ])("of %s has them and what is of the mirror itself", async (_, versions, wanted) => {
    using place = mirrorPlace();
    const enterprise = {
      "teleport-ent-v18.2.0-linux-amd64-bin.tar.gz": { content: "e", release: `${NEW}+Enterprise` },
      "teleport-ent-v18.3.0-linux-amd64-bin.tar.gz": "e",
      "teleport-ent-v18.3.0-linux-amd64-fips-bin.tar.gz": "f",
    };
    const tree = place.tree("tree", { ...releaseFiles(OLD), ...releaseFiles(NEW), ...enterprise, ...SCRIPT });
    await writeBundle(place.world, { tree, to: place.at("b.tar"), versions });
    const names = (await must(["tar", "-tf", place.at("b.tar")])).trimEnd().split("\n");
    expect(names.filter((name) => name.endsWith(".gz")).sort()).toEqual(wanted.toSorted());
    expect(names).toContain("install.sh");
  });

  test("of a version that the tree has not is not made, and the message says what there is", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", { ...releaseFiles(OLD), ...SCRIPT });
    const made = writeBundle(place.world, { tree, to: place.at("b.tar"), versions: [OLD, NEW] });
    await expect(made).rejects.toMatchObject({
      code: "E_MIRROR",
      message: `\`${tree}\` has no release \`${NEW}\``,
      hint: expect.stringContaining(`it has ${OLD};`),
    });
  });

  test.each<[string, (path: string) => void, string]>([
    ["missing", rmSync, "is missing"],
    ["shorter", (path) => truncateSync(path, 3), "has 3 bytes"],
    ["changed by one bit", (path) => writeFileSync(path, flipped(readFileSync(path))), "has the SHA-256"],
    ["a link", replaceByLink, "no regular file"],
  ])("is not made of a tree in which a file is %s, and an earlier one stays", async (_, damage, message) => {
    using place = mirrorPlace();
    const tree = place.tree("tree", releaseFiles(NEW));
    const sign = () => "signature";
    const before = await writeBundle(place.world, { tree, to: place.at("b.tar"), ...all, sign });
    damage(place.at(`tree/${archive(NEW)}`));
    const made = writeBundle(place.world, { tree, to: place.at("b.tar"), ...all });
    await expect(made).rejects.toMatchObject({ code: "E_MIRROR", message: expect.stringContaining(message) });
    expect(sha256Of(readFileSync(place.at("b.tar")))).toBe(before.sha256);
    expect(readdirSync(place.at(".")).sort()).toEqual(["b.tar", "b.tar.sig", "tree"]);
  });

  test("is not begun where a folder is, nor in one that is not there", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", releaseFiles(NEW));
    await mkdir(place.at("out"));
    const inFolder = writeBundle(place.world, { tree, to: place.at("out"), ...all });
    await expect(inFolder).rejects.toMatchObject({ code: "E_IO", hint: expect.stringContaining("/out/teleport.tar") });
    expect(place.log.lines).toEqual([]);
    const nowhere = writeBundle(place.world, { tree, to: place.at("none/b.tar"), ...all });
    await expect(nowhere).rejects.toMatchObject({ code: "E_IO", message: expect.not.stringContaining("Error:") });
  });

  test.each(["tree/index.json", `tree/${archive(NEW)}`, "tree/b.tar", "tree/sub/b.tar", "link/b.tar", "tree"])(
    "[threat mirror-keeps] is not written to %s, as what is made of the tree would lie in it",
    async (name) => {
      using place = mirrorPlace();
      const tree = place.tree("tree", releaseFiles(NEW));
      await mkdir(place.at("tree/sub"));
      symlinkSync("tree/sub", place.at("link"));
      const before = readdirSync(tree).map((file) => [file, statSync(`${tree}/${file}`).ino]);
      const made = writeBundle(place.world, { tree, to: place.at(name), ...all });
      await expect(made).rejects.toMatchObject({
        code: "E_PATH",
        message: expect.stringContaining(tree),
        hint: expect.stringContaining("--to"),
      });
      expect(readdirSync(tree).map((file) => [file, statSync(`${tree}/${file}`).ino])).toEqual(before);
    },
  );

  test("is not made when no import would take its list, which says why", async () => {
    using place = mirrorPlace();
    const origin = (folder: string) => ({ place: folder, proof: "checksum", fetched: "2026-11-20T00:00:00.000Z" });
    const refused = async (files: Parameters<typeof place.tree>[1], message: string) => {
      const tree = place.tree("tree", files);
      const made = writeBundle(place.world, { tree, to: place.at("b.tar"), ...all });
      await expect(made).rejects.toMatchObject({
        code: "E_MIRROR",
        message: expect.stringContaining(`no bundle can be made of \`${tree}\`: ${message}`),
      });
      expect(readdirSync(place.at("."))).toEqual(["tree"]);
    };
    await refused({ "a.txt": { content: "a", origin: origin("/media/a\tb/a.txt") } }, "`origin` of `a.txt`");
    await refused({ "a.sha256": "a" }, "`a.sha256` comes without `a`");
    await refused({ "manifest.json": "a" }, '"\\"manifest.json\\""');
    // An index has room for it, and the list of a bundle has the dates besides.
    const longest = { content: "a", origin: origin("/".padEnd(1800, "x")) };
    const numbers = Array.from({ length: 2060 }, (_, at) => [`${at >> 1}${at % 2 === 0 ? "" : ".sha256"}`, longest]);
    await refused(Object.fromEntries(numbers), "its list has more than");
  });

  test("is not made of an empty mirror", async () => {
    using place = mirrorPlace();
    const made = writeBundle(place.world, { tree: place.tree("empty", {}), to: place.at("b.tar"), ...all });
    await expect(made).rejects.toMatchObject({ code: "E_MIRROR", message: expect.stringContaining("holds nothing") });
    expect(existsSync(place.at("b.tar"))).toBe(false);
  });

  test("is not made of a folder without an index", async () => {
    using place = mirrorPlace();
    const made = writeBundle(place.world, { tree: place.at("none"), to: place.at("b.tar"), ...all });
    await expect(made).rejects.toMatchObject({ code: "E_MIRROR", message: expect.stringContaining("is no mirror") });
  });

  test("gets a signature of its digest, and loses the one of an earlier bundle", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", releaseFiles(NEW));
    const signed = { tree, to: place.at("b.tar"), ...all, sign: (digest: string) => `of ${digest}` };
    const { sha256 } = await writeBundle(place.world, signed);
    expect(place.read("b.tar.sig")).toBe(`of ${sha256}`);
    await writeBundle(place.world, { tree, to: place.at("b.tar"), ...all });
    expect(existsSync(place.at("b.tar.sig"))).toBe(false);
  });

  test("is not written through a link that somebody planted beside it", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", releaseFiles(NEW));
    writeFileSync(place.at("victim"), "untouched");
    symlinkSync(place.at("victim"), place.at(".b.tar.partial"));
    await writeBundle(place.world, { tree, to: place.at("b.tar"), ...all });
    expect(place.read("victim")).toBe("untouched");
  });

  test("is whole when two are written to one file at once, and the one that is not there says so", async () => {
    using place = mirrorPlace();
    const [one, two] = [OLD, NEW].map((version) => place.tree(version, releaseFiles(version, version.repeat(500_000))));
    const write = (tree = "") => writeBundle(place.world, { tree, to: place.at("b.tar"), ...all });
    const { info } = place.log;
    let second: ReturnType<typeof write> | undefined;
    place.log.info = (message, attributes) => {
      info(message, attributes);
      if (message === "Writing the bundle.") second ??= write(two);
    };
    const failed: unknown = await write(one).catch((error) => error);
    const made = await second;
    expect(failed).toMatchObject({ code: "E_LOCK_BUSY" });
    expect(sha256Of(readFileSync(place.at("b.tar")))).toBe(made?.sha256 ?? "");
    expect(readdirSync(place.at(".")).toSorted()).toEqual([OLD, NEW, "b.tar"]);
  });

  test("is not left behind by an interrupt", async () => {
    using place = mirrorPlace();
    const tree = place.tree("tree", releaseFiles(NEW));
    const world = { ...place.world, signal: AbortSignal.abort() };
    const made = writeBundle(world, { tree, to: place.at("b.tar"), ...all });
    await expect(made).rejects.toMatchObject({ code: "E_CANCELED" });
    expect(readdirSync(place.at("."))).toEqual(["tree"]);
  });
});

function replaceByLink(path: string): void {
  rmSync(path);
  symlinkSync("/etc/passwd", path);
}

function flipped(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes;
}
