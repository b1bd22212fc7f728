import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { UpdateError } from "../../src/platform/errors.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { type Limits, RELEASE_LIMITS } from "../../src/release/limits.ts";
import { type StageRequest, stageRelease, sweepStaging } from "../../src/release/stage.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { snapshot } from "../support/tree.ts";
import {
  archiveOf,
  NO_PROGRESS,
  releaseEntries,
  serve,
  sha256Of,
  stageRequest,
  tarOf,
  temporaryFolder,
  testWorld,
  UNIT,
} from "./archive.ts";

// For busy machines: each release is synced to the disk.
setDefaultTimeout(60_000);

const NO_RESERVE: Limits = { ...RELEASE_LIMITS, reserveBytes: 0 };

let folder: ReturnType<typeof temporaryFolder>;
let descriptors: number;

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder.path, "default/versions"), { recursive: true });
  descriptors = openFiles(folder.path).length;
});

afterEach(() => {
  folder[Symbol.dispose]();
});

/** Stages `archive` from a real server; the digest is the right one unless `change` says otherwise. */
async function stage(
  archive: Uint8Array,
  { sha256 = sha256Of(archive), ...change }: Partial<StageRequest> & { sha256?: string } = {},
  respond: () => Response = () => new Response(archive),
) {
  await using server = serve(respond);
  const world = testWorld();
  const request = {
    ...stageRequest(world, { folder: folder.path, server: server.url, sha256 }),
    limits: NO_RESERVE,
    ...change,
  };
  return { world, staged: await stageRelease(world, request) };
}

/** What staging failed with; and nothing may be left of it, neither on the disk nor open. */
async function failure(...given: Parameters<typeof stage>): Promise<UpdateError> {
  const error = await stage(...given).then(
    () => expect.unreachable(),
    (reason) => reason,
  );
  expect(readdirSync(join(folder.path, "default"))).toEqual(["versions"]);
  expect(openFiles(folder.path)).toHaveLength(descriptors);
  return error;
}

describe("a release", () => {
  test("tells how long it took, to the millisecond", async () => {
    const archive = await archiveOf(releaseEntries());
    await using server = serve(() => new Response(archive));
    const world = testWorld();
    let elapsedMs = 0;
    world.clock.elapsedMs = () => (elapsedMs += 98.943_71);
    const request = stageRequest(world, { folder: folder.path, server: server.url, sha256: sha256Of(archive) });
    await stageRelease(world, { ...request, limits: NO_RESERVE });
    const told = world.lines.find((line) => line.includes("downloaded and unpacked"));
    expect(told).toMatch(/"seconds":\d+\.\d{1,3},/);
  });

  test("[inst 8.6 install not present] is staged whole, with the modes of the contract and its digest", async () => {
    const archive = await archiveOf(releaseEntries());
    const { staged } = await stage(archive);
    const content = (path: string) => readFileSync(join(staged.directory, path), "utf8");
    const mode = (path: string) => statSync(join(staged.directory, path)).mode & 0o7777;

    expect(readdirSync(staged.directory, { recursive: true, encoding: "utf8" }).sort()).toEqual([
      "bin",
      "bin/teleport",
      "bin/tsh",
      "files.sha256",
      "lib",
      "lib/systemd",
      "lib/systemd/system",
      "lib/systemd/system/teleport.service",
      "proof.json",
      "sha256",
      "share",
      "share/README.md",
      "share/VERSION",
    ]);
    expect(content("sha256")).toBe(sha256Of(archive));
    expect(content("lib/systemd/system/teleport.service")).toBe(UNIT);
    expect(content("bin/tsh")).toBe("program tsh");
    expect(["sha256", "files.sha256", "bin", "bin/tsh", "share/README.md", "share/VERSION"].map(mode)).toEqual([
      0o644, 0o644, 0o755, 0o755, 0o644, 0o644,
    ]);
    expect(statSync(join(staged.directory, "..")).mode & 0o7777).toBe(0o700);
    expect(openFiles(folder.path)).toHaveLength(descriptors);
  });

  test("has a list of digests that `sha256sum` agrees with", async () => {
    const { staged } = await stage(await archiveOf(releaseEntries()));
    const check = Bun.spawnSync(["sha256sum", "--check", "--strict", "files.sha256"], { cwd: staged.directory });
    expect(check.exitCode).toBe(0);
    expect(check.stdout.toString().trim().split("\n")).toHaveLength(staged.files.length);
    expect(staged.files).toContainEqual({
      path: "bin/tsh",
      sha256: sha256Of("program tsh"),
      size: 11,
      mode: 0o755,
    });
  });

  test("of the enterprise edition comes from its own folder", async () => {
    const archive = await archiveOf([...releaseEntries("teleport-ent"), { name: "teleport/tctl", content: "other" }]);
    const { staged } = await stage(archive, { revision: revision("18.1.0", ["Enterprise"]) });
    expect(readdirSync(join(staged.directory, "bin"))).toEqual(["teleport", "tsh"]);
  });

  test("tells its progress and warns of what it leaves out", async () => {
    const archive = await archiveOf([...releaseEntries(), { name: "teleport/new/thing", content: "x" }]);
    const seen: unknown[] = [];
    const { world } = await stage(archive, {
      progress: {
        start: (file, total) => void seen.push(file, total),
        advance: (bytes) => void seen.push(bytes),
        end: () => void seen.push("end"),
      },
    });
    expect(seen).toEqual(["teleport.tar.gz", archive.length, archive.length, "end"]);
    expect(world.lines).toContain('warn A file of the archive was skipped. {"name":"teleport/new/thing"}');
  });

  test("larger than every buffer on its way arrives unchanged", async () => {
    const large = new Uint8Array(40 << 20).map((_, index) => (index * 2654435761) >>> 24);
    const archive = gzipSync(await tarOf([{ name: "teleport/teleport", content: large }]), { level: 1 });
    const { staged } = await stage(archive);
    expect(staged.files).toEqual([{ path: "bin/teleport", sha256: sha256Of(large), size: large.length, mode: 0o755 }]);
    expect(sha256Of(readFileSync(join(staged.directory, "bin/teleport")))).toBe(sha256Of(large));
  });

  test("comes also from a server that does not tell its size", async () => {
    const archive = await archiveOf(releaseEntries());
    const { world, staged } = await stage(archive, {}, () => new Response(streamOf(archive)));
    expect(staged.files).toHaveLength(5);
    expect(world.lines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
  });

  test("under another root stays in there, through an absolute link", async () => {
    const archive = await archiveOf(releaseEntries());
    mkdirSync(join(folder.path, "data/teleport/default"), { recursive: true });
    symlinkSync("/data", join(folder.path, "opt"));
    await using server = serve(() => new Response(archive));
    const world = testWorld(folder.path);
    const request = stageRequest(world, { folder: "/opt/teleport", server: server.url, sha256: sha256Of(archive) });
    const staged = await stageRelease(world, { ...request, limits: NO_RESERVE });
    expect(staged.directory).toStartWith("/opt/teleport/default/.staging-");
    const inside = join(folder.path, staged.directory.replace("/opt", "/data"));
    expect(readFileSync(join(inside, "bin/tsh"), "utf8")).toBe("program tsh");
  });
});

describe("while it is unpacked", () => {
  /** Stages a release, with `look` called in between: before each file is opened, with the folder that they go to. */
  async function stageWatched(look: (release: string) => void) {
    const archive = await archiveOf(releaseEntries());
    await using server = serve(() => new Response(archive));
    const world = testWorld();
    const freeBytes = (path: string) => {
      if (path.endsWith("/release")) look(path);
      return world.files.freeBytes(path);
    };
    const request = stageRequest(world, { folder: folder.path, server: server.url, sha256: sha256Of(archive) });
    return await stageRelease({ ...world, files: { ...world.files, freeBytes } }, { ...request, limits: NO_RESERVE });
  }

  test("[threat proof-first] [threat staging-private] nothing can be run or read by others, or counts as installed", async () => {
    const seen: string[] = [];
    await stageWatched((release) => {
      seen.push(...snapshot(release).filter((line) => !/^\/[a-z/]+\/ 755$/.test(line)));
      expect(statSync(join(release, "..")).mode & 0o7777).toBe(0o700);
    });
    expect(seen.length).toBeGreaterThan(3);
    for (const line of seen) expect(line).toMatch(/^\/(bin|share|lib\/systemd\/system)\/[^/]+ 600 /);
  });

  test.each([
    ["a link", (path: string, outside: string) => symlinkSync(outside, path)],
    ["a dangling link", (path: string, outside: string) => symlinkSync(`${outside}.new`, path)],
    ["another name of a file", (path: string, outside: string) => linkSync(outside, path)],
    ["a file", (path: string) => writeFileSync(path, "planted")],
  ])("[threat staging-private] %s that somebody puts in the way is not written through", async (_, plant) => {
    const outside = join(folder.path, "outside");
    writeFileSync(outside, "mine");
    const staging = stageWatched((release) => {
      const path = join(release, "bin/tsh");
      if (existsSync(join(release, "bin")) && !lstatSync(path, { throwIfNoEntry: false })) plant(path, outside);
    });
    await expect(staging).rejects.toMatchObject({ code: "E_IO", message: expect.stringContaining("bin/tsh") });
    expect(readFileSync(outside, "utf8")).toBe("mine");
    expect(readdirSync(folder.path).sort()).toEqual(["default", "outside"]);
    expect(readdirSync(join(folder.path, "default"))).toEqual(["versions"]);
  });
});

describe("a failure leaves nothing behind", () => {
  test.each([
    [404, "release not found"],
    [403, "HTTP 403"],
    [503, "HTTP 503"],
    [206, "HTTP 206"],
  ])("HTTP %d", async (status, message) => {
    const error = await failure(new Uint8Array(), {}, () => new Response("x", { status }));
    expect(error).toMatchObject({ code: "E_DOWNLOAD", message: expect.stringContaining(message) });
  });

  test("[threat archive-limits] [inst 8.6 install no space in temp] [inst 8.6 install no space in the install directory] a reserve larger than the disk", async () => {
    const error = await failure(await archiveOf(releaseEntries()), { limits: { ...NO_RESERVE, reserveBytes: 1e15 } });
    expect(error.code).toBe("E_NO_SPACE");
    expect(error.message).toContain("no free space left");
    expect(error.message).toContain(join(folder.path, "default"));
  });

  test("too little space, and no size from the server: what is not known is not told", async () => {
    const archive = await archiveOf(releaseEntries());
    const limits = { ...NO_RESERVE, reserveBytes: 1e15 };
    const error = await failure(archive, { limits }, () => new Response(streamOf(archive)));
    expect(error).toMatchObject({ code: "E_NO_SPACE" });
    expect(error.message).toMatch(/: 1000000000000000 bytes stay in reserve, and \d+ are free$/);
  });

  test("[threat archive-limits] too little space for what the archive may become", async () => {
    const error = await failure(await archiveOf(releaseEntries()), { limits: { ...NO_RESERVE, spaceFactor: 1e15 } });
    expect(error.code).toBe("E_NO_SPACE");
  });

  test("[threat archive-limits] an entry that is larger than what is free", async () => {
    const archive = await archiveOf(releaseEntries());
    await using server = serve(() => new Response(archive));
    const world = testWorld();
    const freeBytes = (path: string) => (path.endsWith("/release") ? 20 : 1e9);
    const request = stageRequest(world, { folder: folder.path, server: server.url, sha256: sha256Of(archive) });
    const staging = stageRelease(
      { ...world, files: { ...world.files, freeBytes } },
      { ...request, limits: NO_RESERVE },
    );
    await expect(staging).rejects.toMatchObject({ code: "E_NO_SPACE" });
    expect(readdirSync(join(folder.path, "default"))).toEqual(["versions"]);
  });

  test("[threat proof-first] another digest than the one published", async () => {
    const archive = await archiveOf(releaseEntries());
    const error = await failure(archive, { sha256: sha256Of("another") });
    expect(error).toMatchObject({ code: "E_CHECKSUM", message: expect.stringContaining(sha256Of(archive)) });
  });

  test.each([0, 1, 9, 10, 50, 200, 300])("a connection cut after %d bytes", async (length) => {
    const archive = await archiveOf(releaseEntries());
    expect(length).toBeLessThan(archive.length);
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${archive.length}\r\n\r\n`;
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end(Buffer.concat([Buffer.from(head), archive.subarray(0, length)])) },
    });
    const source = httpSource(testWorld(), `http://127.0.0.1:${server.port}`);
    const error = await failure(archive, { source });
    expect(error.code).toBe("E_NETWORK");
  });

  test.each([0, 1, 9, 10, 50, 200, 300])("an archive published with its first %d bytes only", async (length) => {
    const archive = (await archiveOf(releaseEntries())).subarray(0, length);
    const error = await failure(archive);
    expect(error.code).toBe("E_ARCHIVE");
  });

  test("[threat proof-first] a byte changed anywhere: the digest is to blame, whatever else it broke", async () => {
    const archive = await archiveOf(releaseEntries());
    for (let at = 0; at < archive.length; at += 37) {
      const changed = Uint8Array.from(archive);
      changed[at] = (changed[at] ?? 0) ^ 0x55;
      const error = await failure(changed, { sha256: sha256Of(archive) });
      expect(error.code).toBe("E_CHECKSUM");
    }
  });

  test("[threat proof-first] another archive that breaks at its start is read on, to its end", async () => {
    const archive = await archiveOf(releaseEntries());
    const other = Buffer.concat([gzipSync("no tar, and long enough for a header".repeat(50)), randomBytes(5 << 20)]);
    const error = await failure(other, { sha256: sha256Of(archive) });
    expect(error).toMatchObject({ code: "E_CHECKSUM", cause: { code: "E_ARCHIVE" } });
  });

  test("an interrupt in the middle", async () => {
    const archive = await archiveOf(releaseEntries());
    const world = testWorld();
    await using server = serve(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(archive.subarray(0, 200)),
          }),
        ),
    );
    const staging = stageRelease(world, {
      ...stageRequest(world, { folder: folder.path, server: server.url, sha256: sha256Of(archive) }),
      progress: { ...NO_PROGRESS, advance: () => world.interrupt.abort() },
      limits: NO_RESERVE,
    });
    await expect(staging).rejects.toMatchObject({ code: "E_CANCELED" });
    expect(readdirSync(join(folder.path, "default"))).toEqual(["versions"]);
  });

  test.each([
    ["a page in its place", async () => Buffer.from("<html>sign in</html>".repeat(100))],
    ["gzip of something else", async () => gzipSync("text".repeat(1000))],
    ["gzip in gzip", async () => gzipSync(await archiveOf(releaseEntries()))],
    ["a second gzip member", async () => Buffer.concat([await archiveOf(releaseEntries()), gzipSync("more")])],
    ["an empty second member", async () => Buffer.concat([await archiveOf(releaseEntries()), gzipSync("")])],
    ["zeros behind the end", async () => Buffer.concat([await archiveOf(releaseEntries()), Buffer.alloc(100)])],
    ["bytes behind the end", async () => Buffer.concat([await archiveOf(releaseEntries()), Buffer.from("garbage")])],
    ["nothing in it", async () => archiveOf([])],
    ["only another folder", async () => archiveOf(releaseEntries("teleport-ent"))],
    [
      "a link in it",
      async () => archiveOf([...releaseEntries(), { name: "teleport/x", type: "symlink", linkname: "/" }]),
    ],
    ["a name twice", async () => archiveOf([...releaseEntries(), { name: "teleport/tsh", content: "again" }])],
    ["a bomb", async () => gzipSync(await tarOf([{ name: "teleport/x", content: new Uint8Array(64 << 20) }]))],
  ])("%s", async (_, archive) => {
    expect(await failure(await archive())).toMatchObject({ code: "E_ARCHIVE" });
  });

  test("[threat archive-limits] more bytes than allowed", async () => {
    const error = await failure(await archiveOf(releaseEntries()), { limits: { ...NO_RESERVE, totalBytes: 2000 } });
    expect(error.code).toBe("E_ARCHIVE");
  });
});

test("left-over staging directories are swept, and nothing else", () => {
  const namespace = namespaceFor("", folder.path);
  const left = join(namespace.directory, ".staging-old");
  mkdirSync(join(left, "release/bin"), { recursive: true });
  writeFileSync(join(left, "release/bin/teleport"), "");
  writeFileSync(join(namespace.directory, "update.yaml"), "");
  expect(sweepStaging(testWorld().files, namespace)).toEqual([left]);
  expect(readdirSync(namespace.directory).sort()).toEqual(["update.yaml", "versions"]);
  expect(sweepStaging(testWorld().files, namespaceFor("absent", folder.path))).toEqual([]);
});

/** The bytes in parts, so that the server cannot tell their number. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(sent, sent + 64));
      sent += 64;
      if (sent >= bytes.length) controller.close();
    },
  });
}

/** What this process holds open below `folder`. */
function openFiles(folder: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`);
      return target.startsWith(folder) ? [target] : [];
    } catch {
      return [];
    }
  });
}
