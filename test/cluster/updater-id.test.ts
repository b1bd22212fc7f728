import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { computeUpdaterId, readPersistedId, readUpdaterId } from "../../src/cluster/updater-id.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import type { Log } from "../../src/platform/log.ts";

const ID_FILE = "/tmp/teleport-update.id";
const MACHINE_ID = "/etc/machine-id";
const HOST_UUID = "/var/lib/teleport/host_uuid";
const PATHS = { idFile: ID_FILE, dataDirectory: dirname(HOST_UUID) };

const directory = mkdtempSync(join(tmpdir(), "updater-id-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Of `test1` and `test2`. */
const COMPUTED = "2c652f3c-ae11-5e5a-ba40-73cba91149cd";

describe("computeUpdaterId", () => {
  test.each([
    ["test1", "test2", "2c652f3c-ae11-5e5a-ba40-73cba91149cd"],
    ["test1", "", "6abf58ef-f6cc-55ae-91e2-376af6b0ba90"],
    ["", "test1", "35321002-ed1c-51e3-a3b3-cbf0f0bc2d88"],
    ["", "test2", "906a648e-038b-576a-893e-d6b32a9d8aee"],
    ["test2", "", "42929c01-bcc8-5a49-af36-e5f21344d5f5"],
    ["a", "b", "2bf5c2c8-5c9c-5054-88ad-8894cab727d2"],
    ["b", "a", "8ae50c2f-edc4-537b-9592-53585ceb2705"],
    ["machine", "", "f87cecba-d629-5aac-9707-7d039b802a82"],
    ["", "host", "711cf484-3b76-54ed-83ec-11444a3db6aa"],
    [
      "0123456789abcdef0123456789abcdef",
      "6f0a1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b",
      "d0b67784-8728-57d4-846d-76e0c63994df",
    ],
    ["x".repeat(130), "y", "0e94a392-654a-5c52-8e4f-11893bfc7705"],
  ])("[core 7.10] %p and %p", (system, namespace, expected) => {
    expect(computeUpdaterId(system, namespace)).toBe(expected);
  });

  test("[core 7.10] no ids", () => expect(computeUpdaterId("", "")).toBeUndefined());

  test("identities of every length, either side of each DER length form, differ", () => {
    const lengths = [1, 127, 128, 255, 256, 4095];
    expect(new Set(lengths.map((length) => computeUpdaterId("x".repeat(length), "y"))).size).toBe(lengths.length);
  });
});

describe("readUpdaterId", () => {
  test("[core 7.10] an existing file is the answer, and is not replaced", () => {
    const { id, warnings, root } = read({ [ID_FILE]: " persisted-id\n", [MACHINE_ID]: "test1" });
    expect([id, warnings]).toEqual(["persisted-id", []]);
    expect(readdirSync(join(root, "tmp"))).toEqual(["teleport-update.id"]);
  });

  test.each([
    ["both", { [MACHINE_ID]: "test1\n", [HOST_UUID]: " test2 \n" }, "2c652f3c-ae11-5e5a-ba40-73cba91149cd"],
    ["the machine only", { [MACHINE_ID]: "test1" }, "6abf58ef-f6cc-55ae-91e2-376af6b0ba90"],
    ["the agent only", { [HOST_UUID]: "test1" }, "35321002-ed1c-51e3-a3b3-cbf0f0bc2d88"],
    ["a blank file", { [ID_FILE]: " \n", [HOST_UUID]: "test1" }, "35321002-ed1c-51e3-a3b3-cbf0f0bc2d88"],
  ])("[core 7.10] computes from %s, in silence, and writes nothing", (_, contents, expected) => {
    const { id, warnings, root } = read(contents);
    expect([id, warnings]).toEqual([expected, []]);
    if (!(ID_FILE in contents)) expect(readdirSync(root)).not.toContain("tmp");
  });

  test.each<[string, Contents]>([
    ["other than an id", { [ID_FILE]: "x&group=canary" }],
    ["escape codes", { [ID_FILE]: "\u001b[2J" }],
    ["too large", { [ID_FILE]: "a".repeat(5000) }],
    ["a planted link", { [ID_FILE]: { link: MACHINE_ID } }],
    ["a fifo that nobody writes", { [ID_FILE]: { fifo: true } }],
  ])("[threat plantable-files] a file that is %s is told and not used", (_, contents) => {
    const { id, warnings } = read({ ...contents, [MACHINE_ID]: "test1" });
    expect(id).toBe("6abf58ef-f6cc-55ae-91e2-376af6b0ba90");
    expect(warnings).toEqual([`The updater id is made without \`${ID_FILE}\`.`]);
  });

  describe.if(process.geteuid?.() === 0)("[threat plantable-files] a file of", () => {
    const [AGENT, NEIGHBOUR] = [1234, 65_534];
    const data = dirname(HOST_UUID);

    test.each<[string, Record<string, number>, string]>([
      ["a neighbour is not used", { [ID_FILE]: NEIGHBOUR }, COMPUTED],
      ["a neighbour is not used beside an agent without root", { [ID_FILE]: NEIGHBOUR, [data]: AGENT }, COMPUTED],
      ["the agent's user is: the data directory is its own", { [ID_FILE]: AGENT, [data]: AGENT }, "persisted-id"],
      ["the agent's user is: it wrote the host's id", { [ID_FILE]: AGENT, [HOST_UUID]: AGENT }, "persisted-id"],
      ["root is, beside an agent without root", { [data]: AGENT, [HOST_UUID]: AGENT }, "persisted-id"],
    ])("%s", (_, owners, expected) => {
      const contents = { [ID_FILE]: "persisted-id", [MACHINE_ID]: "test1", [HOST_UUID]: "test2" };
      const { id, warnings, root } = read(contents, owners);
      expect([id, warnings.length]).toEqual([expected, expected === COMPUTED ? 1 : 0]);
      const persisted = readPersistedId(hostFiles(root), PATHS);
      expect(persisted).toBe(expected === COMPUTED ? "" : expected);
    });
  });

  test("[threat plantable-files] a link is followed from /etc, not from the data directory", () => {
    const { id, warnings } = read({
      [MACHINE_ID]: { link: "/run/machine-id" },
      "/run/machine-id": "test1",
      [HOST_UUID]: { link: "/run/machine-id" },
    });
    expect(id).toBe("6abf58ef-f6cc-55ae-91e2-376af6b0ba90");
    expect(warnings).toEqual([`The updater id is made without \`${HOST_UUID}\`.`]);
  });

  test("a host without any identity has no id, and hears of it", () => {
    const { id, warnings } = read({});
    expect([id, warnings.length]).toEqual(["", 1]);
  });
});

describe("readPersistedId", () => {
  test.each([
    ["the id", { [ID_FILE]: "2c652f3c-ae11-5e5a-ba40-73cba91149cd\n" }, "2c652f3c-ae11-5e5a-ba40-73cba91149cd"],
    ["no file, although one could be computed", { [MACHINE_ID]: "test1" }, ""],
    ["something else", { [ID_FILE]: "no id" }, ""],
    ["a planted link", { [ID_FILE]: { link: MACHINE_ID }, [MACHINE_ID]: "test1" }, ""],
  ])("%s", (_, contents, expected) => expect(readPersistedId(hostFiles(host(contents)), PATHS)).toBe(expected));

  test("no path known", () => expect(readPersistedId(hostFiles(host({})), { ...PATHS, idFile: "" })).toBe(""));
});

type Contents = Record<string, string | { link: string } | { fifo: true }>;

function read(contents: Contents, owners: Record<string, number> = {}) {
  const root = host(contents);
  for (const [path, owner] of Object.entries(owners)) chownSync(join(root, path), owner, 0);
  const warnings: string[] = [];
  const ignore = () => {};
  const log: Log = { debug: ignore, info: ignore, warn: (message) => warnings.push(message), error: ignore };
  const id = readUpdaterId({ files: hostFiles(root), log }, PATHS);
  return { id, warnings, root };
}

/** A host with these files, and no others. */
function host(contents: Contents): string {
  const root = mkdtempSync(join(directory, "host-"));
  for (const [path, content] of Object.entries(contents)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (typeof content === "string") writeFileSync(join(root, path), content);
    else if ("link" in content) symlinkSync(content.link, join(root, path));
    else Bun.spawnSync(["mkfifo", join(root, path)]);
  }
  return root;
}
