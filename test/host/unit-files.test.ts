import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  needrestartConfig,
  proxyDropIn,
  teleportDropIn,
  type UnitInputs,
  updaterDropIn,
  updaterTimer,
  updaterUnit,
  v1DropIn,
} from "../../src/host/unit-files.ts";
import { UNIT_MARKER } from "../../src/settings/custom-tbot.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { knownRefusedNames } from "../../src/settings/refused-variables.ts";
import { revision } from "../../src/settings/revision.ts";

const golden = (name: string) => readFileSync(join(import.meta.dir, "golden", name), "utf8");
const inputs = (suffix: string, installDirectory = "", path = ""): UnitInputs => ({
  namespace: namespaceFor(suffix, installDirectory),
  revision: revision("version"),
  path,
});

describe("the files around the services", () => {
  test.each([
    ["no suffix, the updater", updaterUnit(inputs("")), "teleport-update.service"],
    ["suffix test, the updater", updaterUnit(inputs("test")), "teleport-update_test.service"],
    ["no suffix, the timer", updaterTimer(inputs("")), "teleport-update.timer"],
    ["suffix test, the timer", updaterTimer(inputs("test")), "teleport-update_test.timer"],
    ["no suffix, the updater's drop-in", updaterDropIn(inputs("")), "updater-drop-in.conf"],
    ["no suffix, the updater's proxy", proxyDropIn(inputs("")), "proxy-drop-in.conf"],
    ["suffix test, the updater's proxy", proxyDropIn(inputs("test")), "proxy-drop-in_test.conf"],
    ["no suffix, the agent's drop-in", teleportDropIn(inputs("")), "teleport-drop-in.conf"],
    ["suffix test, the agent's drop-in", teleportDropIn(inputs("test")), "teleport-drop-in_test.conf"],
    ["no suffix, the v1 drop-in", v1DropIn(inputs("")), "v1-drop-in.conf"],
    ["no suffix, needrestart", needrestartConfig(["teleport.service", "tbot.service"]), "needrestart.conf"],
    ["custom tbot, needrestart", needrestartConfig(["teleport.service"]), "needrestart-custom-tbot.conf"],
    [
      "suffix test, needrestart",
      needrestartConfig(["teleport_test.service", "tbot_test.service"]),
      "needrestart_test.conf",
    ],
    [
      "suffix and custom tbot, needrestart",
      needrestartConfig(["teleport_test.service"]),
      "needrestart_test-custom-tbot.conf",
    ],
  ])("[inst 8.2] %s", (_, text, name) => {
    expect(text).toBe(golden(name));
  });

  test("[threat unset-environment] the updater's unit unsets what is refused, by every name that is known", () => {
    for (const text of [updaterUnit(inputs("")), updaterDropIn(inputs(""))]) {
      const unset = [...text.matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap(([, names = ""]) => names.split(" "));
      expect(unset).toEqual(knownRefusedNames().flat());
      // An assignment would go; a pattern would be taken for a name.
      expect(unset.filter((name) => !/^\w+$/.test(name))).toEqual([]);
      for (const name of ["BUN_OPTIONS", "BUN_BE_BUN", "LD_PRELOAD", "NODE_OPTIONS", "SSL_CERT_FILE"]) {
        expect(unset).toContain(name);
      }
    }
  });

  test("the marker is what upstream looks for, byte by byte", () => {
    expect(UNIT_MARKER).toHaveLength(18);
    expect(updaterUnit(inputs("")).startsWith(`${UNIT_MARKER}version\n`)).toBeTrue();
  });

  test("[threat unit-words] quotes, backslashes and percent signs in the install directory are escaped", () => {
    const installDirectory = String.raw`/opt/a"b\c%d`;
    expect(updaterUnit(inputs("", installDirectory))).toContain(String.raw` "--install-dir=/opt/a\"b\\c%%d" update`);
    expect(teleportDropIn(inputs("", installDirectory))).toContain(
      String.raw`Environment="TELEPORT_UPDATE_INSTALL_DIR=/opt/a\"b\\c%%d"`,
    );
  });

  test("[threat unit-words] a link directory with a space goes in quotes", () => {
    expect(updaterUnit(inputs("", "", "/opt/my bin"))).toContain('ExecStart="/opt/my bin/teleport-update" --install-s');
  });

  test.each(["/opt/a\nExecStart=/bin/evil", "/opt/a\rb", "/opt/a\tb", "/opt/a\u0000b", "/opt/a\u0085b"])(
    "[threat unit-words] a control character in a path is refused: %j",
    (path) => {
      expect(() => updaterUnit(inputs("", path))).toThrow(expect.objectContaining({ code: "E_NAMESPACE" }));
      expect(() => updaterUnit(inputs("", "", path))).toThrow(expect.objectContaining({ code: "E_UNIT" }));
    },
  );
});
