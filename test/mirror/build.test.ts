import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { formatIndex, parseIndex } from "../../src/mirror/index-file.ts";
import { folderOrigin, httpOrigin } from "../../src/mirror/origins.ts";
import { lockTree } from "../../src/mirror/tree-lock.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import { parseP256Key } from "../../src/platform/p256.ts";
import { makeP256Pair, parseP256Signer } from "../../src/platform/p256-signer.ts";
import type { World } from "../../src/platform/world.ts";
import { serve, sha256Of } from "../release/archive.ts";
import { partOf, startCutServer } from "../support/cut-server.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { archiveBytes, build, mirrorWorld, nameOf, putArchive, temporaryFolder } from "./building.ts";

let place: ReturnType<typeof temporaryFolder>;
let cdn: string;
let tree: string;
beforeEach(() => {
  place = temporaryFolder();
  [cdn, tree] = [join(place.path, "cdn"), join(place.path, "tree")];
  mkdirSync(cdn);
});
afterEach(() => place[Symbol.dispose]());

/** Serves a folder of files without parts and tags, and counts what is asked for. */
function serveFolder(folder: string) {
  const asked: string[] = [];
  const server = serve(async (request) => {
    const name = new URL(request.url).pathname.slice(1);
    asked.push(name);
    const file = Bun.file(join(folder, name));
    if (!(await file.exists())) return new Response(null, { status: 404 });
    const modified = statSync(join(folder, name)).mtime.toUTCString();
    return new Response(file, { headers: { "Last-Modified": modified } });
  });
  return { ...server, asked };
}

const visible = () => (existsSync(tree) ? readdirSync(tree) : []).filter((name) => !name.startsWith(".")).toSorted();
const index = () => parseIndex(readFileSync(join(tree, "index.json"), "utf8"), "index.json");
const read = (name: string) => readFileSync(join(tree, name));

function signingKey() {
  const { privatePem, publicPem } = makeP256Pair();
  const [signer, key] = [parseP256Signer(privatePem), parseP256Key(publicPem)];
  if (signer === undefined || key === undefined) throw new Error("no key");
  return {
    signer,
    key,
    sign: (sha256: string) => Buffer.from(signer.sign(Buffer.from(sha256, "hex"))).toString("base64"),
  };
}

describe("a tree", () => {
  test("holds archives, checksums and an index that says where they came from", async () => {
    const digests = ["18.1.0", "18.2.0"].map((version, at) => putArchive(cdn, nameOf(version), archiveBytes(at)));
    await using server = serveFolder(cdn);
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0", "18.2.0"], urls: [server.url] });
    expect(report).toMatchObject({ present: [], failed: [], pruned: [], bytes: 600_000 });
    expect(report.fetched.toSorted()).toEqual([nameOf("18.1.0"), nameOf("18.2.0")]);
    const names = ["18.1.0", "18.2.0"].flatMap((version) => [nameOf(version), `${nameOf(version)}.sha256`]);
    expect(visible()).toEqual(["index.json", ...names]);
    expect(read(nameOf("18.2.0"))).toEqual(Buffer.from(archiveBytes(1)));
    expect(read(`${nameOf("18.2.0")}.sha256`).toString()).toBe(`${digests[1]}  ${nameOf("18.2.0")}\n`);
    expect(index().files[nameOf("18.2.0")]).toMatchObject({
      sha256: digests[1],
      bytes: 300_000,
      release: "18.2.0",
      origin: { place: `${server.url}/${nameOf("18.2.0")}`, proof: "checksum" },
    });
    expect(Object.keys(index().files)).toEqual(names);
    expect(statSync(join(tree, nameOf("18.1.0"))).mode & 0o777).toBe(0o644);
  });

  test("has checksums as old as those that were copied, for hosts that judge the age of a release", async () => {
    putArchive(cdn, nameOf("18.1.0"), archiveBytes(1));
    const published = new Date("2026-03-01T12:00:00Z");
    utimesSync(join(cdn, `${nameOf("18.1.0")}.sha256`), published, published);
    await using server = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(statSync(join(tree, `${nameOf("18.1.0")}.sha256`)).mtime).toEqual(published);
  });

  test("is left as it is by a second run, which fetches no archive", async () => {
    putArchive(cdn, nameOf("18.1.0"), archiveBytes(1));
    await using server = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    const before = index().files;
    server.asked.length = 0;
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(report).toMatchObject({ fetched: [], present: [nameOf("18.1.0")], bytes: 0 });
    expect(server.asked).not.toContain(nameOf("18.1.0"));
    expect(index().files).toEqual(before);
  });

  test("is not dated anew by a second run, which need not own what an import by root has brought", async () => {
    putArchive(cdn, nameOf("18.1.0"), archiveBytes(1));
    const dated = (published: string) => {
      const path = join(cdn, `${nameOf("18.1.0")}.sha256`);
      utimesSync(path, new Date(published), new Date(published));
    };
    const target = { versions: ["18.1.0"], origins: [folderOrigin(mirrorWorld().localFiles, cdn)] };
    const checksum = async () => {
      await build(mirrorWorld(), tree, target);
      return statSync(join(tree, `${nameOf("18.1.0")}.sha256`));
    };
    dated("2026-03-01T12:00:00.250Z");
    const first = await checksum();
    expect(await checksum()).toMatchObject({ ino: first.ino, ctimeMs: first.ctimeMs });
    dated("2026-03-02T12:00:00Z");
    const later = await checksum();
    expect(later.mtime).toEqual(new Date("2026-03-02T12:00:00Z"));
    expect(later.ino).not.toBe(first.ino);
  });

  test("has an index of what is there as soon as it is there", async () => {
    for (const version of ["18.1.0", "18.2.0"]) putArchive(cdn, nameOf(version), archiveBytes(1));
    await using server = serveFolder(cdn);
    const world = mirrorWorld();
    const seen: string[][] = [];
    const { info } = world.log;
    world.log.info = (message, attributes) => {
      info(message, attributes);
      if (message === "The file is in the mirror.") seen.push(Object.keys(index().files));
    };
    await build(world, tree, { versions: ["18.1.0", "18.2.0"], urls: [server.url], jobs: 1 });
    const [first, second] = ["18.1.0", "18.2.0"].map((version) => [nameOf(version), `${nameOf(version)}.sha256`]);
    expect(seen).toEqual([first ?? [], [...(first ?? []), ...(second ?? [])]]);
  });

  test("[threat mirror-keeps] has a lock that nobody else can hold, an old one too", async () => {
    using other = temporaryFolder();
    const mode = (path: string) => statSync(path).mode & 0o777;
    mkdirSync(tree);
    writeFileSync(join(tree, ".lock"), "");
    for (const folder of [tree, other.path]) {
      using _ = await lockTree(mirrorWorld(), folder);
      expect(mode(join(folder, ".lock"))).toBe(0o600);
    }
    const theirs = join(place.path, "theirs");
    writeFileSync(theirs, "");
    rmSync(join(tree, ".lock"));
    linkSync(theirs, join(tree, ".lock"));
    using _ = await lockTree(mirrorWorld(), tree);
    expect(mode(theirs)).toBe(0o644);
  });

  test.if(process.geteuid?.() === 0)("has a lock of whose it is, also where root wrote first", async () => {
    mkdirSync(tree);
    chownSync(tree, 65534, 65534);
    using _ = await lockTree(mirrorWorld(), tree);
    expect(statSync(join(tree, ".lock"))).toMatchObject({ uid: 65534, gid: 65534 });
  });

  test("is shown as it grows to who looks, by a bar where one archive comes at a time", async () => {
    for (const version of ["18.1.0", "18.2.0"]) putArchive(cdn, nameOf(version), archiveBytes(1));
    await using server = serveFolder(cdn);
    const drawn: string[] = [];
    const world = mirrorWorld({ terminal: { columns: 80, write: (text) => drawn.push(text) } });
    await build(world, tree, { versions: ["18.1.0"], urls: [server.url], jobs: 3 });
    expect(drawn).not.toEqual([]);
    drawn.length = 0;
    const versions = ["18.1.0", "18.2.0"];
    await build(world, join(place.path, "other"), { versions, urls: [server.url], jobs: 3 });
    expect(drawn).toEqual([]);
  });

  test("has a lock that nobody gets who opened it before it was removed", async () => {
    const world = mirrorWorld();
    mkdirSync(tree);
    const run: World["processes"]["run"] = (...args) => {
      rmSync(join(tree, ".lock"));
      return world.processes.run(...args);
    };
    await expect(lockTree({ ...world, processes: { ...world.processes, run } }, tree)).rejects.toMatchObject({
      code: "E_LOCK_BUSY",
    });
  });

  test("is written by one run at a time", async () => {
    const world = mirrorWorld();
    using _ = await lockTree(world, tree);
    await expect(build(world, tree, { versions: ["18.1.0"], urls: ["http://127.0.0.1:1"] })).rejects.toMatchObject({
      code: "E_LOCK_BUSY",
    });
  });

  test("that another program wrote is not taken for a mirror", async () => {
    mkdirSync(tree);
    writeFileSync(join(tree, "index.json"), "{}");
    await expect(
      build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: ["http://127.0.0.1:1"] }),
    ).rejects.toMatchObject({
      code: "E_MIRROR",
    });
    expect(readFileSync(join(tree, "index.json"), "utf8")).toBe("{}");
  });
});

describe("where releases come from", () => {
  test("a version that nobody has is named, and the others are made", async () => {
    putArchive(cdn, nameOf("18.1.0"), archiveBytes(1));
    await using server = serveFolder(cdn);
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0", "18.2.0"], urls: [server.url], keep: 1 });
    expect(report.failed).toMatchObject([{ name: nameOf("18.2.0"), error: { code: "E_CHECKSUM" } }]);
    expect(report.fetched).toEqual([nameOf("18.1.0")]);
    expect(Object.keys(index().files)).toHaveLength(2);
  });

  test("a range is of what another mirror has, and of what a folder has", async () => {
    for (const version of ["18.1.0", "18.2.0"]) putArchive(cdn, nameOf(version), archiveBytes(1));
    await using server = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0", "18.2.0"], urls: [server.url] });
    await using mirror = serveFolder(tree);
    const report = await build(mirrorWorld(), join(place.path, "second"), { versions: ["18.2.."], urls: [mirror.url] });
    expect(report.fetched).toEqual([nameOf("18.2.0")]);
  });

  test("a CDN has no list, and that is said", async () => {
    putArchive(cdn, nameOf("18.1.0"), archiveBytes(1));
    await using server = serveFolder(cdn);
    const building = build(mirrorWorld(), tree, { versions: ["18"], urls: [server.url] });
    await expect(building).rejects.toMatchObject({
      code: "E_MIRROR",
      hint: expect.stringContaining("a CDN has no such list"),
    });
    expect(existsSync(tree)).toBe(false);
  });

  test("[threat mirror-proof] a place with a flipped bit is passed over for the next", async () => {
    const bytes = archiveBytes(1);
    putArchive(cdn, nameOf("18.1.0"), bytes);
    const bad = join(place.path, "bad");
    mkdirSync(bad);
    putArchive(bad, nameOf("18.1.0"), bytes);
    writeFileSync(join(bad, nameOf("18.1.0")), bytes.with(1000, (bytes[1000] ?? 0) ^ 1));
    await using first = serveFolder(bad);
    await using second = serveFolder(cdn);
    const world = mirrorWorld();
    const report = await build(world, tree, { versions: ["18.1.0"], urls: [first.url, second.url] });
    expect(report).toMatchObject({ fetched: [nameOf("18.1.0")], failed: [] });
    expect(sha256Of(read(nameOf("18.1.0")))).toBe(sha256Of(bytes));
    expect(index().files[nameOf("18.1.0")]?.origin?.place).toStartWith(second.url);

    const only = await build(world, join(place.path, "other"), { versions: ["18.1.0"], urls: [first.url] });
    expect(only.failed).toMatchObject([{ error: { code: "E_CHECKSUM" } }]);
    expect(existsSync(join(place.path, "other"))).toBe(false);
  });

  test("who gave the archive is noted, and a place that has its checksum alone is not", async () => {
    const [name, half] = [nameOf("18.1.0"), join(place.path, "half")];
    mkdirSync(half);
    putArchive(half, name, archiveBytes(1));
    putArchive(cdn, name, archiveBytes(1));
    rmSync(join(half, name));
    await using first = serveFolder(half);
    await using second = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [first.url, second.url] });
    expect(index().files[name]?.origin?.place).toBe(`${second.url}/${name}`);
  });

  test("another digest is not taken from the next place, when the first breaks off", async () => {
    const name = nameOf("18.1.0");
    putArchive(cdn, name, archiveBytes(2));
    await using first = await startCutServer((request) => {
      if (request.path !== `/${name}`) return { body: Buffer.from(sha256Of(archiveBytes(1))) };
      return request.from === undefined ? { body: archiveBytes(1), cutAfter: 100_000 } : { status: 404 };
    });
    await using second = serveFolder(cdn);
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [first.url, second.url] });
    // What was on the line when it was cut may be lost, so that nothing came of the first.
    expect(report.failed).toMatchObject([{ name, error: { code: expect.stringMatching(/^E_(CHECKSUM|CHANGED)$/) } }]);
    expect(visible()).toEqual([]);
  });

  describe("a cluster", () => {
    const cluster = (proxy: ProxyAndCdn) => ({ proxy: proxy.address, group: "", insecure: false });
    const trusting = ({ ca: pem }: ProxyAndCdn) =>
      mirrorWorld({
        http: openHttp({
          trust: () => ({ pem, files: ["the test's own authority"] }),
          insecure: false,
          proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
        }),
      });

    test("has an edition, whose version is made, with the digest that it sends", async () => {
      const name = "teleport-ent-v18.1.0-linux-amd64-bin.tar.gz";
      const sha256 = putArchive(cdn, name, archiveBytes(1));
      await using server = await startProxyAndCdn({ releases: cdn });
      const { auto_update, ...rest } = advertise("18.1.0", { edition: "ent" });
      server.find = { ...rest, auto_update: { ...auto_update, agent_digests: { [name]: sha256 } } };
      const world = trusting(server);
      const origins = [httpOrigin(world, server.baseUrl)];
      const report = await build(world, tree, { versions: [], cluster: cluster(server), origins });
      expect(report.fetched).toEqual([name]);
      expect(index().files[name]).toMatchObject({ release: "18.1.0+Enterprise", origin: { proof: "pinned digest" } });
    });

    test.each([
      ["of the AGPL edition has no official CDN", advertise("18.1.0", { edition: "oss" }), "E_BASE_URL"],
      ["without a version wants none", advertise(""), "E_NO_TARGET"],
    ])("%s", async (_, find, code) => {
      await using server = await startProxyAndCdn();
      server.find = find;
      await expect(build(trusting(server), tree, { versions: [], cluster: cluster(server) })).rejects.toMatchObject({
        code,
      });
    });
  });
});

describe("what was cut", () => {
  const NAME = nameOf("18.1.0");
  const FILE = archiveBytes(3, 900_000);
  const CHECKSUM = { body: Buffer.from(`${sha256Of(FILE)}  ${NAME}\n`) };

  /** Cuts the archive for good in its middle, until it is mended. */
  const startCutting = async () => {
    let isMended = false;
    const server = await startCutServer((request) => {
      if (request.path.endsWith(".sha256")) return CHECKSUM;
      if (!request.path.endsWith(".gz")) return { status: 404 };
      if (isMended) return partOf(FILE, request);
      return request.from === undefined ? { body: FILE, cutAfter: 500_000 } : { status: 404 };
    });
    return { server, mend: () => (isMended = true) };
  };

  test("goes on at what is there", async () => {
    const { server, mend } = await startCutting();
    await using _ = server;
    const first = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(first.failed).toHaveLength(1);
    expect(visible()).toEqual(["index.json"]);
    const begun = statSync(join(tree, `.${NAME}.partial`)).size;
    expect(begun).toBeGreaterThan(0);

    mend();
    server.requests.length = 0;
    const second = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(second).toMatchObject({ fetched: [NAME], bytes: FILE.length - begun });
    expect(server.requests.find(({ path }) => path === `/${NAME}`)?.headers["range"]).toBe(`bytes=${begun}-`);
    expect(read(NAME)).toEqual(Buffer.from(FILE));
    expect(readdirSync(tree)).not.toContain(`.${NAME}.partial`);
  });

  test("starts over when what is there is of another file", async () => {
    const { server, mend } = await startCutting();
    await using _ = server;
    mend();
    mkdirSync(tree);
    for (const length of [400_000, FILE.length, FILE.length + 10]) {
      writeFileSync(join(tree, `.${NAME}.partial`), archiveBytes(9, length), { mode: 0o600 });
      const target = { versions: ["18.1.0"], urls: [server.url] };
      expect(await build(mirrorWorld(), tree, target)).toMatchObject({ fetched: [NAME], bytes: FILE.length });
      expect(read(NAME)).toEqual(Buffer.from(FILE));
      for (const name of [NAME, `${NAME}.sha256`]) await Bun.file(join(tree, name)).delete();
    }
  });

  test("is put in its place when all of it is there", async () => {
    const { server } = await startCutting();
    await using _ = server;
    mkdirSync(tree);
    writeFileSync(join(tree, `.${NAME}.partial`), FILE, { mode: 0o600 });
    expect(await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] })).toMatchObject({ bytes: 0 });
    expect(read(NAME)).toEqual(Buffer.from(FILE));
  });

  test("[threat mirror-proof] is not written into a file that has another name besides", async () => {
    const { server, mend } = await startCutting();
    await using _ = server;
    mend();
    mkdirSync(tree);
    const theirs = join(place.path, "theirs");
    writeFileSync(theirs, FILE.subarray(0, 1000), { mode: 0o600 });
    linkSync(theirs, join(tree, `.${NAME}.partial`));
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(readFileSync(theirs)).toEqual(Buffer.from(FILE.subarray(0, 1000)));
    expect(read(NAME)).toEqual(Buffer.from(FILE));
  });

  test("goes once all that is wanted is there, and no earlier", async () => {
    const { server, mend } = await startCutting();
    await using _ = server;
    mkdirSync(tree);
    const unwanted = join(tree, `.${nameOf("18.0.0")}.partial`);
    writeFileSync(unwanted, "x", { mode: 0o600 });
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(existsSync(unwanted)).toBe(true);
    mend();
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(readdirSync(tree).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  test("goes too when it is of an import, or of the updater, and stays when it is somebody's", async () => {
    putArchive(cdn, NAME, FILE);
    mkdirSync(tree);
    const uuid = crypto.randomUUID();
    const [old, updater] = [nameOf("18.0.0"), "teleport-update-v0.1.0-linux-amd64-bin.tar.gz"];
    const ours = [old, `${old}.sha256`, updater, `${updater}.sig`, "install.sh", "install.sh.sha256"];
    const theirs = ["notes", `notes.${uuid}`, `${old}.old`, "install.sh.old", uuid].map((name) => `.${name}.partial`);
    for (const name of ours.flatMap((one) => [`.${one}.partial`, `.${one}.${uuid}.partial`]).concat(theirs)) {
      writeFileSync(join(tree, name), "x", { mode: 0o600 });
    }
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], origins: [folderOrigin(mirrorWorld().localFiles, cdn)] });
    const left = readdirSync(tree).filter((name) => name.endsWith(".partial"));
    expect(left.toSorted()).toEqual(theirs.toSorted());
  });

  test("[threat mirror-proof] is not taken from a file that others may write", async () => {
    const { server, mend } = await startCutting();
    await using _ = server;
    mend();
    mkdirSync(tree);
    writeFileSync(join(tree, `.${NAME}.partial`), FILE.subarray(0, 1000));
    Bun.spawnSync(["chmod", "0666", join(tree, `.${NAME}.partial`)]);
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(report.bytes).toBe(FILE.length);
  });
});

test("a full disk ends the whole build, and what came before it is in the index", async () => {
  for (const version of ["18.1.0", "18.2.0", "18.3.0"]) putArchive(cdn, nameOf(version), archiveBytes(1));
  await using server = serveFolder(cdn);
  const { localFiles } = mirrorWorld();
  const isThere = () => existsSync(join(tree, nameOf("18.1.0")));
  const world = mirrorWorld({ localFiles: { ...localFiles, freeBytes: () => (isThere() ? 200_100_000 : 1e12) } });
  const versions = ["18.1.0", "18.2.0", "18.3.0"];
  await expect(build(world, tree, { versions, urls: [server.url], jobs: 1 })).rejects.toMatchObject({
    code: "E_NO_SPACE",
  });
  expect(Object.keys(index().files)).toEqual([nameOf("18.1.0"), `${nameOf("18.1.0")}.sha256`]);
  expect(server.asked).not.toContain(`${nameOf("18.3.0")}.sha256`);
});

describe("what the operating system says against a file", () => {
  const refusal = (path: string) => new UpdateError("E_IO", `cannot open \`${path}\`: permission denied`);
  const versions = ["18.1.0", "18.2.0"];
  beforeEach(() => {
    for (const version of versions) putArchive(cdn, nameOf(version), archiveBytes(1));
  });

  test.each(["in the tree", "at its place"])("%s costs this file, and the others are made", async (where) => {
    mkdirSync(tree);
    writeFileSync(join(tree, nameOf("18.1.0")), archiveBytes(1));
    if (where === "at its place") rmSync(join(tree, nameOf("18.1.0")));
    const unreadable = join(where === "in the tree" ? tree : cdn, nameOf("18.1.0"));
    const { localFiles } = mirrorWorld();
    const guarded =
      (read: (path: string) => string) =>
      (path: string): string => {
        if (path === unreadable) throw refusal(path);
        return read(path);
      };
    const { real, realFollowed } = localFiles;
    const files = { ...localFiles, real: guarded(real), realFollowed: guarded(realFollowed) };
    const world = mirrorWorld({ localFiles: files });
    const report = await build(world, tree, { versions, origins: [folderOrigin(files, cdn)], jobs: 1 });
    expect(report).toMatchObject({
      fetched: [nameOf("18.2.0")],
      failed: [{ name: nameOf("18.1.0"), error: { code: "E_IO", message: expect.stringContaining(unreadable) } }],
    });
  });

  test("while it is written ends the build, which no other file could be written in either", async () => {
    const { localFiles } = mirrorWorld();
    const writeFile = (path: string) => {
      throw refusal(path);
    };
    const world = mirrorWorld({ localFiles: { ...localFiles, writeFile } });
    const run = build(world, tree, { versions, origins: [folderOrigin(localFiles, cdn)], jobs: 1 });
    await expect(run).rejects.toMatchObject({ code: "E_IO" });
    expect(readdirSync(tree).filter((name) => name.includes("18.2.0"))).toEqual([]);
  });
});

describe("what lies in the tree already", () => {
  const NAME = nameOf("18.1.0");

  test("is taken when it is right, as after a run that was killed before it wrote the index", async () => {
    putArchive(cdn, NAME, archiveBytes(1));
    mkdirSync(tree);
    writeFileSync(join(tree, NAME), archiveBytes(1));
    await using server = serveFolder(cdn);
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(report.present).toEqual([NAME]);
    expect(Object.keys(index().files)).toEqual([NAME, `${NAME}.sha256`]);
  });

  test("is fetched again when it was damaged", async () => {
    putArchive(cdn, NAME, archiveBytes(1));
    await using server = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    writeFileSync(join(tree, NAME), archiveBytes(2));
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(report.fetched).toEqual([NAME]);
    expect(read(NAME)).toEqual(Buffer.from(archiveBytes(1)));
  });

  test("[threat mirror-keeps] is not replaced when it is somebody else's", async () => {
    putArchive(cdn, NAME, archiveBytes(1));
    mkdirSync(tree);
    writeFileSync(join(tree, NAME), "precious");
    await using server = serveFolder(cdn);
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(report.failed).toMatchObject([{ error: { code: "E_MIRROR" } }]);
    expect(read(NAME).toString()).toBe("precious");
  });

  test("[threat mirror-keeps] stays when its place offers another archive under the same name", async () => {
    putArchive(cdn, NAME, archiveBytes(1));
    await using server = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    putArchive(cdn, NAME, archiveBytes(2));
    const report = await build(mirrorWorld(), tree, { versions: ["18.1.0"], urls: [server.url] });
    expect(report.failed).toMatchObject([
      { error: { code: "E_CHECKSUM", hint: expect.stringContaining("never changes") } },
    ]);
    expect(read(NAME)).toEqual(Buffer.from(archiveBytes(1)));
  });
});

describe("signatures", () => {
  const NAME = nameOf("18.1.0");
  const publisher = signingKey();
  const site = signingKey();

  const buildSigned = async (rest: object, isPublished: boolean) => {
    const sha256 = putArchive(cdn, NAME, archiveBytes(1));
    if (isPublished) writeFileSync(join(cdn, `${NAME}.sig`), publisher.sign(sha256));
    await using server = serveFolder(cdn);
    const world = mirrorWorld();
    const report = await build(world, tree, {
      versions: ["18.1.0"],
      origins: [httpOrigin(world, server.url)],
      ...rest,
    });
    return { report, sha256 };
  };

  test("of the publisher are copied, as they are", async () => {
    const { sha256 } = await buildSigned({}, true);
    expect(read(`${NAME}.sig`).toString()).toBe(publisher.sign(sha256));
    expect(index().files[`${NAME}.sig`]?.origin).toBeDefined();
  });

  test("are asked for with a trusted key, and the key is noted", async () => {
    await buildSigned({ demands: { keys: [publisher.key], skipSignature: false } }, true);
    expect(index().files[NAME]?.origin).toMatchObject({ proof: "signature", key: publisher.key.id });
  });

  test("[threat mirror-proof] by another key than the trusted one keep the archive out", async () => {
    const { report } = await buildSigned({ demands: { keys: [site.key], skipSignature: false } }, true);
    expect(report.failed).toMatchObject([{ error: { code: "E_SIGNATURE" } }]);
    expect(visible()).toEqual([]);
  });

  test("of the site are made where there is none, and the same ones by each run", async () => {
    const { sha256 } = await buildSigned({ signer: site.signer }, false);
    expect(read(`${NAME}.sig`).toString()).toBe(site.sign(sha256));
    expect(index().files[`${NAME}.sig`]?.origin).toBeUndefined();
    expect((await buildSigned({ signer: site.signer }, false)).report.present).toEqual([NAME]);
    // A run that does not sign leaves what is signed.
    await buildSigned({}, false);
    expect(read(`${NAME}.sig`).toString()).toBe(site.sign(sha256));
    expect(index().files[`${NAME}.sig`]?.origin).toBeUndefined();
  });

  test("of the publisher are replaced only when that is wanted", async () => {
    const { report } = await buildSigned({ signer: site.signer }, true);
    expect(report.failed).toMatchObject([
      { error: { code: "E_MIRROR", hint: expect.stringContaining("--replace-signatures") } },
    ]);
    const { sha256 } = await buildSigned({ signer: site.signer, replaceSignatures: true }, true);
    expect(read(`${NAME}.sig`).toString()).toBe(site.sign(sha256));
    // Copied back from another mirror of the site, they are its own.
    expect((await buildSigned({ signer: site.signer, replaceSignatures: true }, false)).report.failed).toEqual([]);
  });
});

describe("signatures in the tree, of an archive whose place has none", () => {
  const NAME = nameOf("18.1.0");
  const [publisher, site, other] = [signingKey(), signingKey(), signingKey()];

  test.each([
    ["the publisher's", undefined],
    ["an earlier one of the site", other.signer],
  ])("%s is replaced by the site's only when that is wanted", async (_, earlier) => {
    const sha256 = putArchive(cdn, NAME, archiveBytes(1));
    const origins = [folderOrigin(mirrorWorld().localFiles, cdn)];
    const target = { versions: ["18.1.0"], origins };
    if (earlier === undefined) writeFileSync(join(cdn, `${NAME}.sig`), publisher.sign(sha256));
    await build(mirrorWorld(), tree, { ...target, ...(earlier && { signer: earlier }) });
    rmSync(join(cdn, `${NAME}.sig`), { force: true });
    const before = read(`${NAME}.sig`).toString();
    const origin = index().files[`${NAME}.sig`]?.origin;

    const { failed } = await build(mirrorWorld(), tree, { ...target, signer: site.signer });
    expect(failed).toMatchObject([{ error: { code: "E_MIRROR", hint: expect.stringContaining("--replace-sig") } }]);
    await build(mirrorWorld(), tree, target);
    expect(read(`${NAME}.sig`).toString()).toBe(before);
    expect(index().files[`${NAME}.sig`]?.origin).toEqual(origin as never);

    await build(mirrorWorld(), tree, { ...target, signer: site.signer, replaceSignatures: true });
    expect(read(`${NAME}.sig`).toString()).toBe(site.sign(sha256));
  });
});

test("what was imported is signed by a build from the tree itself", async () => {
  const sha256 = putArchive(cdn, nameOf("18.1.0"), archiveBytes(1));
  const from = (folder: string) => ({
    versions: ["18.1.0"],
    origins: [folderOrigin(mirrorWorld().localFiles, folder)],
  });
  await build(mirrorWorld(), tree, from(cdn));
  const site = signingKey();
  const report = await build(mirrorWorld(), tree, { ...from(tree), signer: site.signer });
  expect(report).toMatchObject({ present: [nameOf("18.1.0")], failed: [] });
  expect(read(`${nameOf("18.1.0")}.sig`).toString()).toBe(site.sign(sha256));
});

describe("old versions", () => {
  const put = (...versions: string[]) =>
    versions.map((version, at) => putArchive(cdn, nameOf(version), archiveBytes(at)));

  test("go when so many newer ones are there, and only what was made here", async () => {
    put("18.1.0", "18.2.0", "18.10.0");
    await using server = serveFolder(cdn);
    await build(mirrorWorld(), tree, { versions: ["18.1.0", "18.2.0"], urls: [server.url] });
    writeFileSync(join(tree, nameOf("17.0.0")), "precious");
    const report = await build(mirrorWorld(), tree, { versions: ["18.10.0"], urls: [server.url], keep: 2 });
    expect(report.pruned).toEqual([`${nameOf("18.1.0")}.sha256`, nameOf("18.1.0")]);
    expect(visible().filter((name) => name.endsWith(".gz"))).toEqual(
      ["17.0.0", "18.10.0", "18.2.0"].map((one) => nameOf(one)),
    );
    expect(Object.values(index().files).map(({ release }) => release)).toEqual([
      "18.10.0",
      "18.10.0",
      "18.2.0",
      "18.2.0",
    ]);
  });

  test("[threat mirror-keeps] stay when only a signature or a checksum of newer ones is there", async () => {
    put("18.1.0");
    await using server = serveFolder(cdn);
    const target = { versions: ["18.1.0"], urls: [server.url] };
    await build(mirrorWorld(), tree, target);
    const alone = Object.fromEntries(
      ["999.0.1", "999.0.2"].map((one) => [`${nameOf(one)}.sig`, { sha256: "a".repeat(64), bytes: 1, release: one }]),
    );
    const found = index();
    writeFileSync(join(tree, "index.json"), formatIndex({ ...found, files: { ...found.files, ...alone } }));
    put("18.2.0");
    const report = await build(mirrorWorld(), tree, { ...target, versions: ["18.2.0"], keep: 2 });
    expect(report.pruned).not.toContain(nameOf("18.1.0"));
  });

  test("stay when they are named, when another one is missing, and when they were replaced", async () => {
    put("18.1.0", "18.2.0");
    await using server = serveFolder(cdn);
    const target = { versions: ["18.1.0", "18.2.0"], urls: [server.url] };
    expect((await build(mirrorWorld(), tree, { ...target, keep: 1 })).pruned).toEqual([]);
    expect((await build(mirrorWorld(), tree, { ...target, versions: ["18.2.0", "19.0.0"], keep: 1 })).pruned).toEqual(
      [],
    );
    writeFileSync(join(tree, nameOf("18.1.0")), "precious");
    await build(mirrorWorld(), tree, { ...target, versions: ["18.2.0"], keep: 1 });
    expect(read(nameOf("18.1.0")).toString()).toBe("precious");
  });
});
