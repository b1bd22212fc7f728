import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installedState, listVersions, removalPlan, versionsToClean } from "../../src/release/store.ts";
import { type Namespace, namespaceFor } from "../../src/settings/namespace.ts";
import { type Revision, revision } from "../../src/settings/revision.ts";
import { temporaryFolder, testWorld } from "./archive.ts";

const { files } = testWorld();
const DIGEST = "a".repeat(64);
const TARGET = revision("18.1.0", ["Enterprise"]);

let folder: ReturnType<typeof temporaryFolder>;
let namespace: Namespace;

beforeEach(() => {
  folder = temporaryFolder();
  namespace = namespaceFor("", folder.path);
  mkdirSync(namespace.versions, { recursive: true });
});
afterEach(() => folder[Symbol.dispose]());

const make = (name: string) => mkdirSync(join(namespace.versions, name), { recursive: true });

describe("list", () => {
  test("[inst 8.6 list] names the directories, and ignores files and links", () => {
    make("18.1.0");
    make("18.1.0_ent_fips");
    writeFileSync(join(namespace.versions, "file"), "");
    writeFileSync(join(namespace.versions, "odd_file"), "");
    symlinkSync("18.1.0", join(namespace.versions, "link_to"));
    expect(listVersions(files, namespace)).toEqual([revision("18.1.0"), revision("18.1.0", ["Enterprise", "FIPS"])]);
  });

  test("fails as a whole on an odd directory", () => {
    make("18.1.0");
    make("18.1.0_old");
    expect(() => listVersions(files, namespace)).toThrow(expect.objectContaining({ code: "E_VERSION" }));
  });

  test("a missing directory is an error", () => {
    expect(() => listVersions(files, namespaceFor("absent", folder.path))).toThrow(
      expect.objectContaining({ code: "E_NOT_INSTALLED" }),
    );
  });
});

describe("installed state", () => {
  const withDigest = (content: string) => {
    make("18.1.0_ent");
    writeFileSync(join(namespace.versions, "18.1.0_ent/sha256"), content);
  };
  const state = () => installedState(files, namespace, TARGET, DIGEST);

  test("nothing there", () => {
    expect(state()).toBe("absent");
  });

  test("[inst 8.6 install same sum]", () => {
    withDigest(DIGEST);
    expect(state()).toBe("present");
  });

  test("[inst 8.6 install mismatched sum]", () => {
    withDigest("b".repeat(64));
    expect(state()).toBe("mismatched");
  });

  test("[inst 8.6 install unreadable sum]", () => {
    withDigest("bad");
    expect(state()).toBe("damaged");
  });

  test("a directory without digest was left half made or half removed", () => {
    make("18.1.0_ent");
    expect(state()).toBe("damaged");
  });
});

describe("removal", () => {
  const path = (name = "") => join(namespace.versions, "18.1.0_ent", name);

  test("[inst 8.6 remove present] takes the digest first", () => {
    make("18.1.0_ent/bin");
    writeFileSync(path("sha256"), DIGEST, { mode: 0o644 });
    expect(removalPlan(files, namespace, TARGET)).toEqual([
      { kind: "file", path: path("sha256"), before: { content: DIGEST, mode: 0o644 }, after: null },
      { kind: "remove", path: join(namespace.versions, "18.1.0_ent") },
    ]);
  });

  test("[inst 8.6 remove without sha256]", () => {
    make("18.1.0_ent/bin");
    expect(removalPlan(files, namespace, TARGET)).toEqual([
      { kind: "remove", path: join(namespace.versions, "18.1.0_ent") },
    ]);
  });

  test("with something odd in place of the digest", () => {
    make("18.1.0_ent/sha256");
    expect(removalPlan(files, namespace, TARGET).map(({ kind }) => kind)).toEqual(["remove"]);
  });

  test("with a digest file of any size", () => {
    make("18.1.0_ent");
    writeFileSync(path("sha256"), "x".repeat(5000));
    expect(removalPlan(files, namespace, TARGET).map(({ kind }) => kind)).toEqual(["file", "remove"]);
  });

  test("[inst 8.6 remove absent] needs nothing", () => {
    expect(removalPlan(files, namespace, TARGET)).toEqual([]);
  });

  test.each(["", "one/two", "..", "."])("[inst 8.6 remove outside] %p is refused", (version) => {
    expect(() => removalPlan(files, namespace, { version, flags: [] })).toThrow(
      expect.objectContaining({ code: "E_PATH", message: expect.stringContaining("outside") }),
    );
  });
});

describe("clean-up (updater-core §4.3)", () => {
  const [a, b, c, d] = ["1.0.0", "2.0.0", "3.0.0", "4.0.0"].map((version) => revision(version)) as [
    Revision,
    Revision,
    Revision,
    Revision,
  ];
  const bEnterprise = revision("2.0.0", ["Enterprise"]);

  test.each<[string, Revision[], Revision[], Revision[]]>([
    ["fewer than three are never touched", [a, b], [], []],
    ["what is not kept goes", [a, b, c, d], [a, b], [c, d]],
    ["an edition is another version", [a, b, bEnterprise], [a, b], [bEnterprise]],
    ["kept versions need not be there", [a, b, c], [d], [a, b, c]],
    ["all kept", [a, b, c], [a, b, c], []],
  ])("%s", (_, installed, keep, expected) => {
    expect(versionsToClean(installed, keep)).toEqual(expected);
  });
});
