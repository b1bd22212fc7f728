import { describe, expect, test } from "bun:test";
import {
  type ArchiveAddress,
  archiveFolder,
  archiveUrl,
  checksumUrl,
  DEFAULT_BASE_URL,
  goArchitecture,
} from "../../src/release/address.ts";
import { revision } from "../../src/settings/revision.ts";

const COMMUNITY = revision("18.1.0");
const ENTERPRISE = revision("18.1.0", ["Enterprise"]);
const FIPS = revision("18.1.0", ["FIPS"]);
const ENTERPRISE_FIPS = revision("18.1.0", ["Enterprise", "FIPS"]);
const BASE: ArchiveAddress = { baseUrl: DEFAULT_BASE_URL, revision: COMMUNITY, os: "linux", architecture: "amd64" };

describe("archive URL", () => {
  test.each<[string, Partial<ArchiveAddress>, string]>([
    ["community", {}, "https://cdn.teleport.dev/teleport-v18.1.0-linux-amd64-bin.tar.gz"],
    [
      "enterprise",
      { revision: ENTERPRISE, architecture: "arm64" },
      "https://cdn.teleport.dev/teleport-ent-v18.1.0-linux-arm64-bin.tar.gz",
    ],
    ["FIPS alone", { revision: FIPS }, "https://cdn.teleport.dev/teleport-ent-v18.1.0-linux-amd64-fips-bin.tar.gz"],
    [
      "enterprise FIPS",
      { revision: ENTERPRISE_FIPS },
      "https://cdn.teleport.dev/teleport-ent-v18.1.0-linux-amd64-fips-bin.tar.gz",
    ],
    ["386", { architecture: "386" }, "https://cdn.teleport.dev/teleport-v18.1.0-linux-386-bin.tar.gz"],
    ["arm", { architecture: "arm" }, "https://cdn.teleport.dev/teleport-v18.1.0-linux-arm-bin.tar.gz"],
    ["darwin", { os: "darwin", revision: ENTERPRISE }, "https://cdn.teleport.dev/teleport-ent-18.1.0.pkg"],
    ["windows", { os: "windows" }, "https://cdn.teleport.dev/teleport-v18.1.0-windows-amd64-bin.zip"],
    [
      "a base with a path and a slash",
      { baseUrl: "https://mirror.example.com/a/b/" },
      "https://mirror.example.com/a/b/teleport-v18.1.0-linux-amd64-bin.tar.gz",
    ],
  ])("%s", (_, change, expected) => {
    expect(archiveUrl({ ...BASE, ...change })).toBe(expected);
  });

  test("the checksum lies beside it", () => {
    expect(checksumUrl("https://a.example/b.tar.gz")).toBe("https://a.example/b.tar.gz.sha256");
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
