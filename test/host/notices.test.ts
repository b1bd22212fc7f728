import { describe, expect, test } from "bun:test";
import {
  type Notice,
  suffixNotices,
  tbotNotices,
  teleportNotices,
  v1DisabledNotices,
  v1EnabledNotices,
} from "../../src/host/notices.ts";
import type { ServiceFacts } from "../../src/host/service-facts.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";

const known = (enabled: boolean, active: boolean): ServiceFacts => ({ kind: "known", state: { enabled, active } });
const inShort = (notices: readonly Notice[]) =>
  notices.map(({ level, attributes }) => (attributes?.["command"] ? `${level}: ${attributes["command"]}` : level));

describe("what is left to do for a service", () => {
  test.each([
    [known(true, true), [], []],
    [known(false, true), ["warn: systemctl enable U"], ["warn: systemctl enable U"]],
    [known(true, false), ["warn: systemctl start U"], ["warn: systemctl start U"]],
    [known(false, false), ["warn: systemctl enable --now U"], ["info: systemctl enable --now U"]],
    [{ kind: "no-systemd" }, ["warn", "warn"], []],
    [{ kind: "not-available" }, ["warn: systemctl enable --now U"], []],
    [{ kind: "failed", reason: "killed" }, ["error"], ["error"]],
  ] as [ServiceFacts, string[], string[]][])("%j", (facts, teleport, tbot) => {
    expect(inShort(teleportNotices("U", facts))).toEqual(teleport);
    expect(inShort(tbotNotices("U", facts, true))).toEqual(tbot);
    expect(tbotNotices("U", facts, false)).toEqual([]);
  });
});

test("a suffixed namespace names what must not meet the default one", () => {
  const notices = suffixNotices(namespaceFor("test"), "/opt/teleport/test/bin", "/data");
  expect(notices.map(({ level }) => level)).toEqual(["warn", "warn", "warn"]);
  expect(notices.map(({ attributes }) => attributes)).toEqual([
    { suffix: "test", path: "/opt/teleport/test/bin" },
    {
      data_dir: "/data",
      config_file: "/etc/teleport_test.yaml",
      service: "teleport_test.service",
      pid_file: "/run/teleport_test.pid",
    },
    {
      data_dir: "/data",
      config_file: "/etc/tbot_test.yaml",
      service: "tbot_test.service",
      pid_file: "/run/tbot_test.pid",
    },
  ]);
  expect(suffixNotices(namespaceFor(""), "/usr/local/bin", "/var/lib/teleport")).toEqual([]);
});

test("the v1 updater gets as many lines as the contract says", () => {
  expect(inShort(v1DisabledNotices(undefined))).toEqual(["warn", "warn", "warn", "warn"]);
  expect(inShort(v1DisabledNotices("refused"))).toEqual(["error", "error"]);
  expect(inShort(v1EnabledNotices(undefined))).toEqual(["warn", "warn", "warn"]);
  expect(inShort(v1EnabledNotices("refused"))).toEqual([
    "error",
    "error: systemctl enable --now teleport-upgrade.timer",
  ]);
});
