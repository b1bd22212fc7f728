import { describe, expect, test } from "bun:test";
import { planSetup } from "../../src/host/setup-plan.ts";
import { planTeardown } from "../../src/host/teardown-plan.ts";
import type { TimerFacts } from "../../src/host/timer-facts.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges } from "../support/apply-changes.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const OFF = { enabled: false, active: false };
const ON = { enabled: true, active: true };
const namespace = namespaceFor("");

function setUp(host: TemporaryHost): void {
  host.files.makeDirectory("/etc/needrestart/conf.d");
  const changes = planSetup(host.files, {
    namespace,
    revision: revision("18.1.0"),
    path: "/usr/local/bin",
    dataDirectory: "/var/lib/teleport",
    manageTbot: true,
    selinux: [],
    systemd: { kind: "offline" },
  });
  applyChanges(host.files, changes);
}

describe("planTeardown", () => {
  test("switches the timer off before its file goes, and gives the v1 timer its work back at the end", () => {
    using host = temporaryHost();
    setUp(host);
    const facts: TimerFacts = { kind: "present", timer: ON, v1: { installed: true, state: OFF } };
    const changes = planTeardown(host.files, namespace, facts);
    expect(changes.map(({ kind }) => kind)).toEqual([
      "link",
      "unit",
      "daemon-reload",
      ...Array.from({ length: 5 }, () => "file" as const),
      "daemon-reload",
      "unit",
    ]);
    expect(changes[1]).toEqual({ kind: "unit", unit: "teleport-update.timer", before: ON, after: OFF });
    expect(changes.at(-1)).toEqual({ kind: "unit", unit: "teleport-upgrade.timer", before: OFF, after: ON });
  });

  test("without a v1 updater none is enabled", () => {
    using host = temporaryHost();
    const facts: TimerFacts = { kind: "present", timer: OFF, v1: { installed: false, state: OFF } };
    expect(planTeardown(host.files, namespace, facts)).toEqual([]);
  });

  test("on a host that is not running everything but the services' units goes", () => {
    using host = temporaryHost();
    setUp(host);
    applyChanges(host.files, planTeardown(host.files, namespace, { kind: "offline" }));
    expect(Object.keys(host.snapshot())).toEqual([namespace.tbot.unitFile, namespace.teleport.unitFile]);
  });

  test("without systemd there is nothing to take down", () => {
    using host = temporaryHost();
    setUp(host);
    expect(planTeardown(host.files, namespace, { kind: "absent" })).toEqual([]);
  });

  test("the SELinux module goes first, also without systemd", () => {
    using host = temporaryHost();
    setUp(host);
    host.write("/etc/selinux/config", "SELINUXTYPE=default\n");
    host.write("/var/lib/selinux/default/active/modules/400/teleport_ssh/cil", "");
    const running = { ...host.files, root: "/" };
    const present: TimerFacts = { kind: "present", timer: ON, v1: { installed: false, state: OFF } };
    for (const facts of [present, { kind: "absent" as const }]) {
      expect(planTeardown(running, namespace, facts, "/data")[0]).toMatchObject({
        kind: "selinux-module",
        before: true,
        after: false,
        dataDirectory: "/data",
      });
    }
  });
});
