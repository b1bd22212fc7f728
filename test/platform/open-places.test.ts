import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFiles } from "../../src/platform/host-files.ts";
import { findOpenPlaces, findOpenWay, type OpenPlace } from "../../src/platform/open-places.ts";

const NOBODY = 65_534;
const STAFF = 50;
const asRoot = test.if(process.geteuid?.() === 0);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "open-places-"));
  for (const folder of ["etc", "opt", "data", "tmp", "usr/local/bin"]) mkdirSync(at(folder), { recursive: true });
  writeFileSync(at("etc/group"), `root:x:0:\nstaff:x:${STAFF}:\n`);
  chmodSync(at("tmp"), 0o1777);
});
afterEach(() => rmSync(root, { recursive: true }));

const at = (path: string) => join(root, path);
const mode = (path: string, bits: number) => chmodSync(at(path), bits);
const give = (path: string, owner: number, group = 0) => lchownSync(at(path), owner, group);
const folder = (path: string, bits = 0o755) => {
  mkdirSync(at(path));
  mode(path, bits);
};
/** As they would be told of a host that runs; that they are told of this machine has a test of its own. */
const ofHost = (places: OpenPlace[]) =>
  places.map(({ path, command, ...rest }) => ({
    ...rest,
    path: path.replace(root, "") || "/",
    command: command.replace(root, ""),
  }));
const found = (path: string) => ofHost(findOpenPlaces(hostFiles(root), [path]));
const paths = (path: string) => found(path).map((place) => place.path);

describe("[threat closed-parents] a way is closed", () => {
  test.each<[string, () => void, string]>([
    ["when only its owner may write the folders", () => folder("opt/teleport"), "/opt/teleport"],
    ["when what is missing would lie in such a folder", () => {}, "/opt/teleport/default"],
    ["through a link between closed folders", () => symlinkSync("/data", at("opt/teleport")), "/opt/teleport/default"],
    ["through a shared folder, to what is its owner's", () => folder("tmp/mine"), "/tmp/mine/default"],
  ])("%s", (_, arrange, path) => {
    arrange();
    expect(found(path)).toEqual([]);
  });

  asRoot("when Debian's `staff` may write `/usr/local`", () => {
    for (const path of ["usr/local", "usr/local/bin"]) {
      give(path, 0, STAFF);
      mode(path, 0o2775);
    }
    expect(found("/usr/local/bin")).toEqual([]);
  });
});

describe("[threat closed-parents] a way is open", () => {
  test.each<[string, () => void, string, string, string]>([
    ["where everybody may write", () => mode("opt", 0o777), "/opt/x", "/opt", "chmod go-w /opt"],
    ["at its end", () => folder("opt/x", 0o757), "/opt/x", "/opt/x", "chmod go-w /opt/x"],
    ["at a shared folder as its end", () => {}, "/tmp", "/tmp", "chmod go-w /tmp"],
    ["where anybody can make what is missing", () => {}, "/tmp/x/y", "/tmp/x", "install -d /tmp/x"],
    [
      "at a file that everybody may write",
      () => {
        writeFileSync(at("opt/x"), "");
        mode("opt/x", 0o666);
      },
      "/opt/x",
      "/opt/x",
      "chmod go-w /opt/x",
    ],
    [
      "behind a link",
      () => {
        symlinkSync("../data/x", at("opt/x"));
        folder("data/x");
        mode("data", 0o777);
      },
      "/opt/x/default",
      "/data",
      "chmod go-w /data",
    ],
    [
      "before a `..` of a link",
      () => {
        folder("opt/a", 0o777);
        folder("opt/a/b");
        symlinkSync("a/b/../../../data", at("opt/x"));
      },
      "/opt/x",
      "/opt/a",
      "chmod go-w /opt/a",
    ],
    [
      "at a name with a blank",
      () => folder("opt/it's x", 0o777),
      "/opt/it's x/y",
      "/opt/it's x",
      "chmod go-w '/opt/it'\\''s x'",
    ],
  ])("%s", (_, arrange, path, place, command) => {
    arrange();
    expect(found(path)).toEqual([expect.objectContaining({ path: place, command, isDoubtful: false })]);
  });

  asRoot("of a user whose name the host knows, it has the name too", () => {
    give("opt", NOBODY);
    expect(found("/opt")).toMatchObject([{ reason: "it belongs to the user 65534" }]);
    writeFileSync(at("etc/passwd"), "root:x:0:0::/root:\nevil`\u001b:x:65534::/:\nnobody:x:65534:65534::/:\n");
    expect(found("/opt")).toMatchObject([{ reason: "it belongs to the user 65534 (`nobody`)" }]);
  });

  asRoot("where a folder, a link or a file belongs to another", () => {
    folder("opt/x");
    give("opt/x", NOBODY);
    symlinkSync("/opt/x", at("data/link"));
    give("data/link", NOBODY);
    writeFileSync(at("opt/x/file"), "");
    chownSync(at("opt/x/file"), NOBODY, 0);
    expect(found("/data/link/file").map(({ command }) => command)).toEqual([
      "chown -h root:root /data/link",
      "chown root:root /opt/x",
      "chown root:root /opt/x/file",
    ]);
  });

  asRoot("where somebody put it into a shared folder", () => {
    folder("tmp/planted");
    give("tmp/planted", NOBODY);
    expect(paths("/tmp/planted/default")).toEqual(["/tmp/planted"]);
  });

  asRoot("where another group may write, `staff` outside `/usr/local` too", () => {
    for (const group of [STAFF, 1000]) {
      give("opt", 0, group);
      mode("opt", 0o775);
      expect(found("/opt/x")).toEqual([expect.objectContaining({ path: "/opt", isDoubtful: false })]);
    }
    give("usr/local", 0, 1000);
    mode("usr/local", 0o775);
    expect(paths("/usr/local/bin")).toEqual(["/usr/local"]);
  });

  asRoot("in doubt where root's group may write, as an access list looks the same", () => {
    mode("opt", 0o775);
    expect(found("/opt/x")).toEqual([expect.objectContaining({ path: "/opt", isDoubtful: true })]);
  });

  test("at every place, each named once", () => {
    mode("opt", 0o777);
    folder("opt/x", 0o777);
    expect(ofHost(findOpenPlaces(hostFiles(root), ["/opt/x/a", "/opt/x/b"])).map(({ path }) => path)).toEqual([
      "/opt",
      "/opt/x",
    ]);
  });

  test("at the root itself", () => {
    chmodSync(root, 0o777);
    expect(paths("/opt")).toEqual(["/"]);
  });
});

test("[threat closed-parents] a loop of links ends in an error", () => {
  symlinkSync("/opt/b", at("opt/a"));
  symlinkSync("/opt/a", at("opt/b"));
  expect(() => found("/opt/a/x")).toThrow("too many links");
});

test("a place of a tree is told by where it really lies, as its command would act on this machine's own otherwise", () => {
  chmodSync(root, 0o757);
  symlinkSync("/data", at("opt/link"));
  mode("data", 0o757);
  expect(findOpenPlaces(hostFiles(root), ["/opt/link/x"])).toEqual([
    { path: root, reason: "everybody may write it", command: `chmod go-w ${root}`, isDoubtful: false },
    { path: at("data"), reason: "everybody may write it", command: `chmod go-w ${at("data")}`, isDoubtful: false },
  ]);
});

describe("[threat plantable-files] the way to a folder that may be anybody's", () => {
  const waysTo = (path: string) => ofHost(findOpenWay(hostFiles(root), path)).map((place) => place.path);

  test.each<[string, () => void, string, string[]]>([
    ["is closed where only its end is open", () => folder("opt/x", 0o777), "/opt/x", []],
    ["is closed where its end is missing", () => {}, "/opt/x", []],
    ["is open at the folder above", () => folder("data/x", 0o777), "/data/x/y", ["/data/x"]],
    [
      "is open behind a link",
      () => {
        symlinkSync("/data/x", at("opt/x"));
        mode("data", 0o777);
      },
      "/opt/x",
      ["/data"],
    ],
    ["is open where anybody can make its end", () => {}, "/tmp/x", ["/tmp/x"]],
  ])("%s", (_, arrange, path, places) => {
    arrange();
    expect(waysTo(path)).toEqual(places);
  });

  asRoot("is closed at the folder of another, and open at their link, or where they may move it", () => {
    for (const path of ["opt/x", "tmp/x"]) {
      folder(path);
      give(path, NOBODY);
    }
    symlinkSync("/opt", at("data/link"));
    give("data/link", NOBODY);
    expect([waysTo("/opt/x"), waysTo("/data/link"), waysTo("/tmp/x")]).toEqual([[], ["/data/link"], ["/tmp/x"]]);
  });
});
