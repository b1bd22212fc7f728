import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adaptExampleUnit, planExampleUnit } from "../../src/host/example-unit.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const golden = (name: string) => readFileSync(join(import.meta.dir, "golden", name), "utf8");
const SOURCE = "/opt/teleport/default/versions/1.2.3";
const EXAMPLE = `${SOURCE}/lib/systemd/system/teleport.service`;
const UNIT = "/lib/systemd/system/teleport.service";
const base = namespaceFor("");
const inputs = { namespace: base, revision: revision("1.2.3"), path: "" };
const customInputs = {
  namespace: {
    ...base,
    teleport: { ...base.teleport, config: "/some/teleport.yaml", pidFile: "/var/run/teleport.pid" },
  },
  revision: revision("1.2.3"),
  path: "/some/path",
};

test.each([
  ["default", inputs, "example.service"],
  ["custom", customInputs, "example-custom.service"],
  ["FIPS", { ...inputs, revision: revision("1.2.3", ["FIPS"]) }, "example-fips.service"],
])("[inst 8.5] the example unit adapted: %s", (_, values, name) => {
  expect(adaptExampleUnit(golden("example.service"), values)).toBe(golden(name));
});

test("a path that would need quotes in the example is refused", () => {
  expect(() => adaptExampleUnit("", { ...inputs, path: "/my bin" })).toThrow(
    expect.objectContaining({ code: "E_UNIT" }),
  );
});

test("[inst 8.6] link: the unit of a fresh host is written, with its directory", () => {
  using host = temporaryHost();
  host.write(EXAMPLE, golden("example.service"));
  const changes = planExampleUnit(host.files, SOURCE, inputs);
  applyChanges(host.files, changes);
  expect(host.files.readText(UNIT, 1 << 20)).toBe(golden("example.service"));
  expect(host.files.stat(UNIT)?.mode).toBe(0o644);
  expect(planExampleUnit(host.files, SOURCE, inputs)).toEqual([]);
  undoChanges(host.files, changes);
  expect(host.files.stat("/lib")).toBeUndefined();
});

test("[inst 8.6] link: an existing unit is replaced whoever made it, keeps its mode, and revert restores it", () => {
  using host = temporaryHost();
  host.write(EXAMPLE, golden("example.service"));
  host.write(UNIT, "theirs\n", 0o600);
  const before = host.snapshot();
  const changes = planExampleUnit(host.files, SOURCE, inputs);
  applyChanges(host.files, changes);
  expect(host.files.readText(UNIT, 1 << 20)).toBe(golden("example.service"));
  expect(host.files.stat(UNIT)?.mode).toBe(0o600);
  undoChanges(host.files, changes);
  expect(host.snapshot()).toEqual(before);
});

test("[inst 8.6] link and try-link: a unit path that is a symlink is refused", () => {
  using host = temporaryHost();
  host.write(EXAMPLE, golden("example.service"));
  host.link(UNIT, "/etc/other.service");
  expect(() => planExampleUnit(host.files, SOURCE, inputs)).toThrow(
    expect.objectContaining({ code: "E_IRREGULAR_FILE", message: expect.stringContaining(UNIT) }),
  );
});

test.each([
  ["a.service", "/etc/systemd/system/a.service", (root: string) => `systemctl --root=${root} unmask a.service`],
  // systemd unmasks what lies in the folder of the administrator, and nothing else.
  ["the stock unit", UNIT, (root: string) => `rm ${root}${UNIT}`],
])("%s that is masked is refused with the command that unmasks it", (_, unitFile, command) => {
  using host = temporaryHost();
  host.write(EXAMPLE, golden("example.service"));
  host.link(unitFile, "/dev/null");
  const namespace = { ...base, teleport: { ...base.teleport, unitFile } };
  expect(() => planExampleUnit(host.files, SOURCE, { ...inputs, namespace })).toThrow(
    expect.objectContaining({ code: "E_IRREGULAR_FILE", hint: expect.stringContaining(`\`${command(host.root)}\``) }),
  );
});

test("a unit of a million bytes is refused, one byte less is not", () => {
  using host = temporaryHost();
  host.write(EXAMPLE, golden("example.service"));
  host.write(UNIT, "#".repeat(999_999));
  expect(planExampleUnit(host.files, SOURCE, inputs)).toHaveLength(1);
  host.write(UNIT, "#".repeat(1_000_000));
  expect(() => planExampleUnit(host.files, SOURCE, inputs)).toThrow(
    expect.objectContaining({ code: "E_UNREADABLE_FILE" }),
  );
});

test("a release without the example is refused", () => {
  using host = temporaryHost();
  expect(() => planExampleUnit(host.files, SOURCE, inputs)).toThrow(
    expect.objectContaining({ code: "E_UNIT", message: expect.stringContaining(EXAMPLE) }),
  );
});
