import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { NO_REVISION, REVISION_FLAGS, revision } from "../../src/settings/revision.ts";
import { emptyConfig, type UpdateConfig } from "../../src/settings/update-config.ts";
import { parseUpdateConfig } from "../../src/settings/update-config-read.ts";
import { formatUpdateConfig } from "../../src/settings/update-config-write.ts";

// The golden files are typed from the contract, so that an error of the writer cannot hide in them.
const golden = (name: string) => readFileSync(new URL(`golden/${name}.yaml.txt`, import.meta.url), "utf8");

function config(spec: Partial<UpdateConfig["spec"]>, status: Partial<UpdateConfig["status"]>): UpdateConfig {
  const empty = emptyConfig();
  return { ...empty, spec: { ...empty.spec, ...spec }, status: { ...empty.status, ...status } };
}

const GOLDEN: Record<string, UpdateConfig> = {
  "fresh-enable": config(
    { proxy: "example.teleport.sh:443", path: "/usr/local/bin", enabled: true },
    { idFile: "/tmp/teleport-update.id", active: revision("18.1.0", ["Enterprise"]) },
  ),
  "all-keys": config(
    {
      proxy: "[2001:db8::1]:3080",
      path: "/opt/teleport/blue/bin",
      group: "1:20",
      baseUrl: "https://mirror.example.com/teleport",
      enabled: true,
      pinned: true,
      selinuxSsh: true,
      selinuxSshEnforcing: true,
    },
    {
      idFile: "/tmp/teleport-update_blue.id",
      lastUpdate: {
        success: true,
        time: new Date("2030-02-03T04:05:06.780Z"),
        target: revision("18.4.1", ["FIPS", "Enterprise"]),
      },
      active: revision("18.4.1", ["Enterprise", "FIPS"]),
      backup: revision("18.4.0", ["Enterprise"]),
      skip: revision("18.3.9-rc.1"),
    },
  ),
  "failed-update": config(
    { proxy: "localhost", path: "/usr/local/bin", baseUrl: "https://example.com", enabled: true },
    {
      idFile: "updater-id-file",
      lastUpdate: { success: false, time: new Date("2025-01-01T00:00:00Z"), target: revision("16.3.0") },
      active: revision("old-version"),
      backup: revision("backup-version"),
      skip: revision("16.3.0"),
    },
  ),
};

describe("update.yaml", () => {
  test.each(Object.keys(GOLDEN))("%s is written and read byte for byte", (name) => {
    const expected = GOLDEN[name] ?? emptyConfig();
    expect(formatUpdateConfig(expected)).toBe(golden(name));
    expect(parseUpdateConfig(golden(name), "/update.yaml")).toEqual(expected);
  });

  test("a zero configuration is written as upstream marshals it", () => {
    expect(formatUpdateConfig({ ...emptyConfig(), version: "", kind: "" })).toBe(golden("zero"));
  });

  test("undefined parts of the status are left out", () => {
    const bare = config({}, { lastUpdate: undefined, backup: undefined, skip: undefined });
    expect(formatUpdateConfig(bare)).toBe(formatUpdateConfig(emptyConfig()));
  });

  test("whatever is written is read back", () => {
    fc.assert(
      fc.property(anyConfig, (written) => {
        expect(parseUpdateConfig(formatUpdateConfig(written), "/update.yaml")).toEqual(written);
      }),
      { numRuns: 300 },
    );
  });
});

/** Words that YAML reads as something else, or as syntax, are likelier here than chance would make them. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(..." \t\n:#-'\"\\[]{}&*!|>%@`,?~y0123456789.eE+_é\u2028\u0085\u0000") }),
  fc.constantFrom("null", "~", "true", "no", "1:20", "2024-01-01", "0x1F", "<<", "---", "- a", "a: b", " a "),
);
const anyRevision = fc
  .tuple(text, fc.subarray([...REVISION_FLAGS]))
  .map(([version, flags]) => revision(version, flags));
const time = fc.date({
  min: new Date("0001-01-01T00:00:00Z"),
  max: new Date("9999-12-31T23:59:59.999Z"),
  noInvalidDate: true,
});
const anyConfig: fc.Arbitrary<UpdateConfig> = fc.record({
  version: fc.constant("v1"),
  kind: fc.constant("update_config"),
  spec: fc.record({
    proxy: text,
    path: text,
    group: text,
    baseUrl: text,
    enabled: fc.boolean(),
    pinned: fc.boolean(),
    selinuxSsh: fc.boolean(),
    selinuxSshEnforcing: fc.boolean(),
  }),
  status: fc.record(
    {
      idFile: text,
      lastUpdate: fc.record({ success: fc.boolean(), time, target: anyRevision }),
      active: fc.oneof(anyRevision, fc.constant(NO_REVISION)),
      backup: anyRevision,
      skip: anyRevision,
    },
    { requiredKeys: ["idFile", "active"] },
  ),
});
