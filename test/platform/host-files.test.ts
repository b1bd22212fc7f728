import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UpdateError } from "../../src/platform/errors.ts";
import type { Files } from "../../src/platform/files.ts";
import { hostFiles } from "../../src/platform/host-files.ts";

const MAKE_DIRECTORIES = join(import.meta.dir, "../fixtures/platform/make-directories.ts");

let root: string;
let files: Files;
const at = (path: string) => join(root, path);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "host-files-"));
  files = hostFiles(root);
});
afterEach(() => rmSync(root, { recursive: true }));

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof UpdateError) return error.code;
    throw error;
  }
  return "none";
}

describe("reading", () => {
  test("what is missing is undefined", () => {
    expect(files.stat("/a/b")).toBeUndefined();
    expect(files.readText("/a", 10)).toBeUndefined();
    expect(files.readLink("/a")).toBeUndefined();
    expect(files.list("/a")).toBeUndefined();
  });

  test("[threat plantable-files] a file of the limit or more is refused, one byte less is read", () => {
    writeFileSync(at("f"), "12345");
    expect(files.readText("/f", 6)).toBe("12345");
    expect(codeOf(() => files.readText("/f", 5))).toBe("E_UNREADABLE_FILE");
  });

  test("[threat plantable-files] a fifo does not hold the reader", () => {
    Bun.spawnSync(["mkfifo", at("pipe")]);
    // Ends the wait of a reader that it does hold, so that this test fails instead of standing still.
    const writer = Bun.spawn(["sh", "-c", 'sleep 4; : 1<>"$0"', at("pipe")]);
    const begin = performance.now();
    expect(codeOf(() => files.readText("/pipe", 100))).toBe("E_UNREADABLE_FILE");
    expect(performance.now() - begin).toBeLessThan(3500);
    writer.kill();
  });

  test("[threat plantable-files] a link is followed inside the root, and not at all where others may plant it", () => {
    mkdirSync(at("etc"));
    writeFileSync(at("etc/real"), "inside");
    symlinkSync("/etc/real", at("link"));
    expect(files.readText("/link", 100)).toBe("inside");
    expect(codeOf(() => files.readPlantable("/link", 100))).toBe("E_UNREADABLE_FILE");
    expect(files.stat("/link")?.kind).toBe("symlink");
    expect(files.statFollowed("/link")?.kind).toBe("file");
  });

  test("free space is told for a path whose parents are still missing", () => {
    expect(files.freeBytes("/not/there/yet")).toBeGreaterThan(0);
  });
});

describe("writing", () => {
  test("a new file gets the mode asked for, an existing one keeps its own, and nothing else stays behind", () => {
    files.writeFile("/a", "one");
    expect(lstatSync(at("a")).mode & 0o777).toBe(0o644);
    chmodSync(at("a"), 0o600);
    files.writeFile("/a", "two", 0o644);
    expect(lstatSync(at("a")).mode & 0o777).toBe(0o600);
    expect(readFileSync(at("a"), "utf8")).toBe("two");
    expect(readdirSync(root)).toEqual(["a"]);
  });

  test("parents are made with the mode of directories, the last one with the mode asked for", () => {
    expect(files.makeDirectory("/x/y/z", 0o700)).toEqual(["/x", "/x/y", "/x/y/z"]);
    expect(lstatSync(at("x/y")).mode & 0o777).toBe(0o755);
    expect(lstatSync(at("x/y/z")).mode & 0o777).toBe(0o700);
    expect(files.makeDirectory("/x/y/z")).toEqual([]);
  });

  test("what a killed run left beside a path goes with the next write, link or removal there", () => {
    const leftOvers = () => writeFileSync(at(".a.teleport-update"), "left");
    for (const next of [
      () => files.writeFile("/a", "new"),
      () => files.appendFile("/a", "new"),
      () => files.placeLink("/a", "/b"),
      () => files.removeFile("/a"),
      () => files.removeFile("/a"),
    ]) {
      leftOvers();
      next();
      expect(existsSync(at(".a.teleport-update"))).toBe(false);
    }
  });

  test("parents may be links, which stay inside the root", () => {
    mkdirSync(at("data"));
    symlinkSync("/data", at("opt"));
    expect(files.makeDirectory("/opt/teleport")).toEqual(["/opt/teleport"]);
    expect(existsSync(at("data/teleport"))).toBe(true);
    expect(files.makeDirectory("/opt")).toEqual([]);
  });

  test.each(["var/opt", "/var/opt", "../../var/opt"])(
    "a link to %s, which is missing, gets its folder there",
    (target) => {
      symlinkSync(target, at("opt"));
      expect(files.makeDirectory("/opt/teleport", 0o700)).toEqual(["/var", "/var/opt", "/opt/teleport"]);
      expect(lstatSync(at("var/opt/teleport")).mode & 0o777).toBe(0o700);
      expect(lstatSync(at("opt")).isSymbolicLink()).toBe(true);
      expect(files.makeDirectory("/opt/teleport")).toEqual([]);
    },
  );

  test("[threat plantable-files] one that leads to nothing in the place of the folder itself is refused", () => {
    symlinkSync("/etc/new", at("folder"));
    for (const path of ["/folder", "/folder/"]) expect(codeOf(() => files.makeDirectory(path))).toBe("E_IO");
    expect(codeOf(() => hostFiles("/").makeDirectory(at("folder")))).toBe("E_IO");
    expect(existsSync(at("etc"))).toBe(false);
  });

  test("on this machine too", () => {
    symlinkSync("var/opt", at("opt"));
    hostFiles("/").makeDirectory(at("opt/teleport"));
    expect(existsSync(at("var/opt/teleport"))).toBe(true);
  });

  test("a folder is not made where a file is, which is said in words", () => {
    files.writeFile("/a", "text");
    symlinkSync("/a", at("to-a"));
    for (const path of ["/a", "/to-a"]) {
      expect(() => files.makeDirectory(path)).toThrow(
        expect.objectContaining({
          code: "E_IO",
          message: expect.stringContaining("something else of that name is there"),
        }),
      );
    }
  });

  test("a link replaces a link and a file, but no directory, and its target has no prefix", () => {
    files.placeLink("/l", "/opt/one");
    files.placeLink("/l", "/opt/two");
    expect(readlinkSync(at("l"))).toBe("/opt/two");
    mkdirSync(at("d"));
    expect(codeOf(() => files.placeLink("/d", "/opt/one"))).toBe("E_IO");
    expect(readdirSync(root).sort()).toEqual(["d", "l"]);
  });

  test("removing a tree spares what its links lead to", () => {
    mkdirSync(at("tree"));
    mkdirSync(at("kept"));
    writeFileSync(at("kept/file"), "");
    symlinkSync("../kept", at("tree/link"));
    files.removeTree("/tree");
    expect(existsSync(at("tree"))).toBe(false);
    expect(existsSync(at("kept/file"))).toBe(true);
    files.removeTree("/tree");
  });

  test("a directory that holds something is left, and said so", () => {
    mkdirSync(at("full"));
    writeFileSync(at("full/file"), "");
    expect(files.removeDirectory("/full")).toBe(false);
    rmSync(at("full/file"));
    expect(files.removeDirectory("/full")).toBe(true);
    expect(files.removeDirectory("/full")).toBe(true);
  });

  test("an error names the path of the host, not the one under the root", () => {
    writeFileSync(at("file"), "");
    expect(() => files.writeFile("/file/below", "x")).toThrow("`/file/below`");
  });

  test("a program is copied from this machine, executable", async () => {
    await files.copyProgram("/bin/true", "/copy");
    expect(lstatSync(at("copy")).mode & 0o777).toBe(0o755);
    expect(readFileSync(at("copy"))).toEqual(readFileSync("/bin/true"));
  });

  test("folders that others make at the same moment are none of ours, and no trouble", async () => {
    const makers = Array.from({ length: 3 }, () =>
      Bun.spawn([process.execPath, MAKE_DIRECTORIES, root], { stdin: "pipe", stdout: "pipe", stderr: "pipe" }),
    );
    await Promise.all(makers.map((maker) => maker.stdout.getReader().read()));
    for (const { stdin } of makers) {
      stdin.write("go\n");
      stdin.end();
    }
    const said = await Promise.all(makers.map(async ({ stderr, exited }) => [await stderr.text(), await exited]));
    expect(said).toEqual(makers.map(() => ["", 0]));
  });
});

test("what cannot be read is named where this machine has it", () => {
  writeFileSync(at("odd"), Buffer.from([0xff]));
  for (const read of [files.readText, files.readOwn, files.readOwnFollowed, files.readPlantable])
    expect(() => read("/odd", 10)).toThrow(`line 1 of \`${at("odd")}\` is not text in UTF-8`);
});
