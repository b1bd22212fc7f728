import { describe, expect, test } from "bun:test";
import {
  type Architecture,
  archiveFolder,
  archiveName,
  goArchitecture,
  type System,
} from "../../src/release/address.ts";
import { type Revision, revision } from "../../src/settings/revision.ts";

const COMMUNITY = revision("18.1.0");
const ENTERPRISE = revision("18.1.0", ["Enterprise"]);
const FIPS = revision("18.1.0", ["FIPS"]);
const ENTERPRISE_FIPS = revision("18.1.0", ["Enterprise", "FIPS"]);

describe("the name of an archive", () => {
  test.each<[title: string, of: Revision, os: System, architecture: Architecture, expected: string]>([
    ["community", COMMUNITY, "linux", "amd64", "teleport-v18.1.0-linux-amd64-bin.tar.gz"],
    ["enterprise", ENTERPRISE, "linux", "arm64", "teleport-ent-v18.1.0-linux-arm64-bin.tar.gz"],
    ["FIPS alone", FIPS, "linux", "amd64", "teleport-ent-v18.1.0-linux-amd64-fips-bin.tar.gz"],
    ["enterprise FIPS", ENTERPRISE_FIPS, "linux", "amd64", "teleport-ent-v18.1.0-linux-amd64-fips-bin.tar.gz"],
    ["386", COMMUNITY, "linux", "386", "teleport-v18.1.0-linux-386-bin.tar.gz"],
    ["arm", COMMUNITY, "linux", "arm", "teleport-v18.1.0-linux-arm-bin.tar.gz"],
    ["darwin", ENTERPRISE, "darwin", "amd64", "teleport-ent-18.1.0.pkg"],
    ["windows", COMMUNITY, "windows", "amd64", "teleport-v18.1.0-windows-amd64-bin.zip"],
  ])("%s", (_, of, os, architecture, expected) => {
    expect(archiveName(of, os, architecture)).toBe(expected);
  });
});

test.each([
  [COMMUNITY, "teleport"],
  [ENTERPRISE, "teleport-ent"],
  [FIPS, "teleport-ent"],
  [ENTERPRISE_FIPS, "teleport-ent"],
] as const)("top folder of %j is %s", (of, folder) => {
  expect(archiveFolder(of)).toBe(folder);
});

test("processors have Go's names", () => {
  expect(["x64", "arm64", "ia32", "arm"].map(goArchitecture)).toEqual(["amd64", "arm64", "386", "arm"]);
  expect(() => goArchitecture("riscv64")).toThrow(expect.objectContaining({ code: "E_PROGRAM" }));
});
