import { describe, expect, test } from "bun:test";
import { planSetup, type SetupInputs } from "../../src/host/setup-plan.ts";
import type { Change } from "../../src/platform/change.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const OFF = { enabled: false, active: false };
const ON = { enabled: true, active: true };
const UNITS = "/etc/systemd/system";

function inputs(suffix: string, changed: Partial<SetupInputs> = {}): SetupInputs {
  const namespace = namespaceFor(suffix);
  return {
    namespace,
    revision: revision("version"),
    path: namespace.defaultLinkDirectory,
    dataDirectory: namespace.defaultDataDirectory,
    manageTbot: true,
    selinux: [],
    systemd: { kind: "present", timer: OFF, v1: { installed: false, state: OFF } },
    ...changed,
  };
}

/** A change in a word or two, without the directories. */
function steps(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => {
    if (change.kind === "directory") return [];
    if (change.kind === "daemon-reload") return [`reload on ${change.when}`];
    if (change.kind === "unit") return [`${change.after.enabled ? "enable" : "disable"} ${change.unit}`];
    return "path" in change ? [`${change.kind} ${change.path}`] : [change.kind];
  });
}

const onlyFiles = (changes: readonly Change[]) => changes.filter(({ kind }) => kind !== "unit");

/** Everything but the units' text, which the golden tests show. */
function written(host: TemporaryHost, values: SetupInputs): string[] {
  applyChanges(host.files, onlyFiles(planSetup(host.files, values)));
  return Object.keys(host.snapshot());
}

describe("planSetup", () => {
  test("writes and switches in the order of the contract", () => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/needrestart/conf.d");
    const v1 = { installed: true, state: ON };
    expect(steps(planSetup(host.files, inputs("", { systemd: { kind: "present", timer: OFF, v1 } })))).toEqual([
      "reload on undo",
      "file /lib/systemd/system/teleport.service",
      `file ${UNITS}/tbot.service`,
      `file ${UNITS}/teleport-update.service`,
      `file ${UNITS}/teleport-update.timer`,
      `file ${UNITS}/teleport.service.d/teleport-update.conf`,
      `file ${UNITS}/teleport-upgrade.service.d/teleport-update.conf`,
      `link ${UNITS}/tbot.service.wants/teleport-update.timer`,
      "reload on do",
      "file /etc/needrestart/conf.d/teleport-update.conf",
      "enable teleport-update.timer",
      "disable teleport-upgrade.timer",
    ]);
  });

  test.each([
    [
      "no suffix",
      "",
      true,
      [
        "tbot.service",
        "tbot.service.wants/teleport-update.timer",
        "teleport-update.service",
        "teleport-update.timer",
        "teleport-upgrade.service.d/teleport-update.conf",
        "teleport.service.d/teleport-update.conf",
      ],
    ],
    [
      "custom tbot",
      "",
      false,
      [
        "teleport-update.service",
        "teleport-update.timer",
        "teleport-upgrade.service.d/teleport-update.conf",
        "teleport.service.d/teleport-update.conf",
      ],
    ],
    [
      "suffix",
      "test",
      true,
      [
        "tbot_test.service",
        "tbot_test.service.wants/teleport-update_test.timer",
        "teleport-update_test.service",
        "teleport-update_test.timer",
        "teleport_test.service",
        "teleport_test.service.d/teleport-update_test.conf",
      ],
    ],
    [
      "suffix and custom tbot",
      "test",
      false,
      [
        "teleport-update_test.service",
        "teleport-update_test.timer",
        "teleport_test.service",
        "teleport_test.service.d/teleport-update_test.conf",
      ],
    ],
  ])("[inst 8.2] the files that are written: %s", (_, suffix, manageTbot, expected) => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/needrestart/conf.d");
    const paths = written(host, inputs(suffix, { manageTbot }));
    const tail = suffix === "" ? "" : `_${suffix}`;
    expect(paths).toEqual([
      `/etc/needrestart/conf.d/teleport-update${tail}.conf`,
      ...expected.map((name) => `${UNITS}/${name}`),
      ...(suffix === "" ? ["/lib/systemd/system/teleport.service"] : []),
    ]);
    const needrestart = host.files.readText(`/etc/needrestart/conf.d/teleport-update${tail}.conf`, 1000) ?? "";
    expect(needrestart.includes("tbot")).toBe(manageTbot);
  });

  test("a second plan over the same host is empty, and undoing the first leaves nothing", () => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/needrestart/conf.d");
    const changes = onlyFiles(planSetup(host.files, inputs("")));
    applyChanges(host.files, changes);
    const settled = inputs("", { systemd: { kind: "present", timer: ON, v1: { installed: true, state: OFF } } });
    expect(planSetup(host.files, settled)).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual({});
    expect(host.files.list("/")).toEqual(["etc"]);
  });

  test("the units of another revision are all written again", () => {
    using host = temporaryHost();
    applyChanges(host.files, onlyFiles(planSetup(host.files, inputs(""))));
    const changes = planSetup(host.files, inputs("", { revision: revision("18.1.0") }));
    expect(steps(changes).filter((step) => step.startsWith("file"))).toHaveLength(6);
    applyChanges(host.files, onlyFiles(changes));
    for (const [path, content] of Object.entries(host.snapshot())) {
      if (content.startsWith("-> ")) continue;
      expect([path, content.split("\n")[0]]).toEqual([path, "# teleport-update 18.1.0"]);
    }
  });

  test("the directories of the bot and of the data are private", () => {
    using host = temporaryHost();
    written(host, inputs(""));
    expect(host.files.stat("/var/lib")?.mode).toBe(0o755);
    expect(host.files.stat("/var/lib/teleport")?.mode).toBe(0o700);
    expect(host.files.stat("/var/lib/teleport/bot")?.mode).toBe(0o700);
  });

  test.each(["/nowhere", "/etc"])(
    "a link that an agent planted in its data directory is left as it is: to %s",
    (target) => {
      using host = temporaryHost();
      host.link("/var/lib/teleport/bot", target);
      written(host, inputs(""));
      expect(host.files.readLink("/var/lib/teleport/bot")).toBe(target);
      expect(host.files.stat("/nowhere")).toBeUndefined();
    },
  );

  test("needrestart's file is written only where needrestart is, and only over a regular file", () => {
    using host = temporaryHost();
    expect(steps(planSetup(host.files, inputs(""))).join()).not.toContain("needrestart");
    host.link("/etc/needrestart/conf.d/teleport-update.conf", "/etc/theirs.conf");
    expect(steps(planSetup(host.files, inputs(""))).join()).not.toContain("needrestart");
  });

  test("the v1 timer of a suffixed namespace is left alone", () => {
    using host = temporaryHost();
    const v1 = { installed: true, state: ON };
    const changes = planSetup(host.files, inputs("test", { systemd: { kind: "present", timer: ON, v1 } }));
    expect(changes.filter(({ kind }) => kind === "unit")).toEqual([]);
  });

  test("without systemd only the services' units are written", () => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/needrestart/conf.d");
    expect(steps(planSetup(host.files, inputs("", { systemd: { kind: "absent" } })))).toEqual([
      "file /lib/systemd/system/teleport.service",
      `file ${UNITS}/tbot.service`,
    ]);
  });

  test("on a host that is not running the timers are switched by their links", () => {
    using host = temporaryHost();
    host.link(`${UNITS}/teleport.service.wants/teleport-upgrade.timer`, "/lib/systemd/system/teleport-upgrade.timer");
    const offline = inputs("", { systemd: { kind: "offline" } });
    const before = host.snapshot();
    const changes = planSetup(host.files, offline);
    expect(steps(changes).join()).not.toMatch(/reload|enable|disable/);
    applyChanges(host.files, changes);
    const wants = `${UNITS}/teleport.service.wants`;
    expect(host.snapshot()[`${wants}/teleport-update.timer`]).toBe(`-> ${UNITS}/teleport-update.timer`);
    expect(host.files.list(wants)).toEqual(["teleport-update.timer"]);
    expect(planSetup(host.files, offline)).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual(before);
  });

  test.each([
    "/lib/systemd/system/teleport.service",
    `${UNITS}/tbot.service`,
    `${UNITS}/teleport-update.timer`,
    `${UNITS}/teleport.service.d/teleport-update.conf`,
  ])("something else than a file at a unit's path is refused: %s", (path) => {
    using host = temporaryHost();
    host.link(path, "/dev/null");
    expect(() => planSetup(host.files, inputs(""))).toThrow(
      expect.objectContaining({ code: "E_IRREGULAR_FILE", message: expect.stringContaining(path) }),
    );
  });
});
