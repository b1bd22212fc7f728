import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UpdateError } from "../../src/platform/errors.ts";
import { type Namespace, namespaceFor, versionDirectory } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";

type Paths = Omit<Namespace, "idFile">;

const DEFAULT: Paths = {
  installDirectory: "/opt/teleport",
  suffix: "",
  isDefault: true,
  directory: "/opt/teleport/default",
  versions: "/opt/teleport/default/versions",
  config: "/opt/teleport/default/update.yaml",
  options: "/opt/teleport/default/updater.yaml",
  unitRecord: "/opt/teleport/default/units.sha256",
  proxyEnvironment: "/opt/teleport/default/proxy.env",
  lock: "/opt/teleport/default/update.lock",
  updaterCopies: "/opt/teleport/default/updater",
  defaultLinkDirectory: "/usr/local/bin",
  defaultDataDirectory: "/var/lib/teleport",
  teleport: {
    unit: "teleport.service",
    unitFile: "/lib/systemd/system/teleport.service",
    config: "/etc/teleport.yaml",
    pidFile: "/run/teleport.pid",
  },
  tbot: {
    unit: "tbot.service",
    unitFile: "/etc/systemd/system/tbot.service",
    config: "/etc/tbot.yaml",
    pidFile: "/run/tbot.pid",
  },
  teleportDropIn: "/etc/systemd/system/teleport.service.d/teleport-update.conf",
  updaterUnit: "/etc/systemd/system/teleport-update.service",
  updaterDropIn: "/etc/systemd/system/teleport-update.service.d/10-teleport-update.conf",
  proxyDropIn: "/etc/systemd/system/teleport-update.service.d/05-teleport-update-proxy.conf",
  updaterTimer: "/etc/systemd/system/teleport-update.timer",
  needrestart: "/etc/needrestart/conf.d/teleport-update.conf",
  v1DropIn: "/etc/systemd/system/teleport-upgrade.service.d/teleport-update.conf",
};

const SUFFIXED: Paths = {
  installDirectory: "/opt/teleport",
  suffix: "test",
  isDefault: false,
  directory: "/opt/teleport/test",
  versions: "/opt/teleport/test/versions",
  config: "/opt/teleport/test/update.yaml",
  options: "/opt/teleport/test/updater.yaml",
  unitRecord: "/opt/teleport/test/units.sha256",
  proxyEnvironment: "/opt/teleport/test/proxy.env",
  lock: "/opt/teleport/test/update.lock",
  updaterCopies: "/opt/teleport/test/updater",
  defaultLinkDirectory: "/opt/teleport/test/bin",
  defaultDataDirectory: "/var/lib/teleport_test",
  teleport: {
    unit: "teleport_test.service",
    unitFile: "/etc/systemd/system/teleport_test.service",
    config: "/etc/teleport_test.yaml",
    pidFile: "/run/teleport_test.pid",
  },
  tbot: {
    unit: "tbot_test.service",
    unitFile: "/etc/systemd/system/tbot_test.service",
    config: "/etc/tbot_test.yaml",
    pidFile: "/run/tbot_test.pid",
  },
  teleportDropIn: "/etc/systemd/system/teleport_test.service.d/teleport-update_test.conf",
  updaterUnit: "/etc/systemd/system/teleport-update_test.service",
  updaterDropIn: "/etc/systemd/system/teleport-update_test.service.d/10-teleport-update_test.conf",
  proxyDropIn: "/etc/systemd/system/teleport-update_test.service.d/05-teleport-update-proxy_test.conf",
  updaterTimer: "/etc/systemd/system/teleport-update_test.timer",
  needrestart: "/etc/needrestart/conf.d/teleport-update_test.conf",
  v1DropIn: undefined,
};

const below = (root: string, namespace: string): Partial<Paths> => ({
  installDirectory: root,
  directory: `${root}/${namespace}`,
  versions: `${root}/${namespace}/versions`,
  config: `${root}/${namespace}/update.yaml`,
  options: `${root}/${namespace}/updater.yaml`,
  unitRecord: `${root}/${namespace}/units.sha256`,
  proxyEnvironment: `${root}/${namespace}/proxy.env`,
  lock: `${root}/${namespace}/update.lock`,
  updaterCopies: `${root}/${namespace}/updater`,
});

describe("namespaceFor [inst 8.1] [core 7.13]", () => {
  test.each<[name: string, suffix: string, installDirectory: string, expected: Paths]>([
    ["no suffix", "", "", DEFAULT],
    ["no suffix, root /install", "", "/install", { ...DEFAULT, ...below("/install", "default") }],
    ["suffix test", "test", "", SUFFIXED],
    [
      "suffix test, root /install",
      "test",
      "/install",
      { ...SUFFIXED, ...below("/install", "test"), defaultLinkDirectory: "/install/test/bin" },
    ],
  ])("%s", (_name, suffix, installDirectory, expected) => {
    const { idFile, ...paths } = namespaceFor(suffix, installDirectory);
    expect(paths).toEqual(expected);
    expect(idFile("/tmp")).toBe(suffix === "" ? "/tmp/teleport-update.id" : "/tmp/teleport-update_test.id");
  });

  test.each(["default", "system"])("the suffix %s is reserved", (suffix) => {
    expect(() => namespaceFor(suffix)).toThrow("reserved");
  });

  test.each(["a_b", "a.b", "a/b", "..", "a b", "é", "a\n"])("the suffix %p is refused", (suffix) => {
    expect(() => namespaceFor(suffix)).toThrow("must be alphanumeric");
  });

  test("a suffix that no name of a unit has room for is refused", () => {
    expect(namespaceFor("a".repeat(128)).updaterUnit.length).toBeLessThan(255);
    expect(() => namespaceFor("a".repeat(129))).toThrow("has more than 128 characters");
  });

  test("no text leads out of the install directory", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9-]{1,8}$/)), (suffix) => {
        try {
          expect(namespaceFor(suffix).directory).toBe(`/opt/teleport/${suffix || "default"}`);
          expect(suffix).toMatch(/^[a-zA-Z0-9-]*$/);
        } catch (error) {
          if (!(error instanceof UpdateError)) throw error;
          expect(error.code).toBe("E_NAMESPACE");
        }
      }),
    );
  });
});

test("versionDirectory", () => {
  const namespace = namespaceFor("");
  expect(versionDirectory(namespace, revision("18.1.0", ["FIPS"]))).toBe(
    "/opt/teleport/default/versions/18.1.0_ent_fips",
  );
});
