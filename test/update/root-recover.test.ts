import { describe, expect, test } from "bun:test";
import { basename } from "node:path";
import type { Change, SelinuxModuleChange, UnitState } from "../../src/platform/change.ts";
import type { Processes } from "../../src/platform/processes.ts";
import { namespaceFor, V1_TIMER_UNIT } from "../../src/settings/namespace.ts";
import { Journal } from "../../src/update/journal.ts";
import { recover } from "../../src/update/recover.ts";
import { type TemporaryHost, temporaryHost, treeOf } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";

/** The tree of a host that ran when it lost its power, put right with `--root` on another machine: whose systemd must not hear of it. */

const NAMESPACE = namespaceFor("");
const TIMER = basename(NAMESPACE.updaterTimer);
const TIMER_LINK = `/etc/systemd/system/teleport.service.wants/${TIMER}`;
const TIMER_TEXT = "[Timer]\nOnActiveSec=1m\n\n[Install]\nWantedBy=teleport.service\n";
const V1_FILE = `/lib/systemd/system/${V1_TIMER_UNIT}`;
const [ON, OFF]: UnitState[] = [
  { enabled: true, active: true },
  { enabled: false, active: false },
];
const NEXT_BOOT =
  "WARN The host does not run: its next boot reads the units and starts the services that are put back.";

const timer = (before: UnitState | undefined, after: UnitState | undefined, unit = TIMER): Change => ({
  kind: "unit",
  unit,
  before: before ?? { enabled: false, active: false },
  after: after ?? { enabled: false, active: false },
});
const RELOAD: Change = {
  kind: "reload",
  unit: "teleport.service",
  pidFile: "/run/teleport.pid",
  socket: "/var/lib/teleport/debug.sock",
  restart: false,
  before: { active: true, pid: 5 },
};
const MODULE: SelinuxModuleChange = {
  kind: "selinux-module",
  before: false,
  after: true,
  installDirectory: "/opt/teleport",
  namespaceDirectory: NAMESPACE.directory,
  dataDirectory: "/var/lib/teleport",
  config: "/etc/teleport.yaml",
  pidFile: "/run/teleport.pid",
  makes: { directories: [{ path: "/etc/teleport-upgrade.d", mode: 0o755 }], config: true },
};

/** Recovers the tree after a run that began `changes`; answers what was said. No program of this machine may be run. */
async function recovered(host: TemporaryHost, changes: readonly Change[]): Promise<string[]> {
  host.files.makeDirectory(NAMESPACE.directory);
  new Journal(host.files, NAMESPACE, new Date()).announce(changes);
  const none: Processes = {
    find: (name) => expect.unreachable(`looks for \`${name}\``),
    run: ([program]) => expect.unreachable(`runs \`${program}\``),
    probe: (pid) => expect.unreachable(`looks at process ${pid}`),
  };
  const world = testWorld(host.root, { processes: none });
  await recover(world, NAMESPACE);
  return world.log.lines.filter((line) => line.startsWith("WARN"));
}

describe("behind `--root` an interrupted run is undone by files alone:", () => {
  test("what it enabled goes off, and the next boot does what only a host that runs can do", async () => {
    using host = temporaryHost();
    host.write(NAMESPACE.updaterTimer, TIMER_TEXT);
    host.link(TIMER_LINK, NAMESPACE.updaterTimer);
    const said = await recovered(host, [
      { kind: "daemon-reload", when: "undo" },
      { kind: "file", path: NAMESPACE.updaterTimer, before: null, after: { content: TIMER_TEXT, mode: 0o644 } },
      { kind: "daemon-reload", when: "do" },
      timer(OFF, ON),
      RELOAD,
    ]);
    expect(treeOf(host)).toEqual({});
    // As `systemctl disable` would.
    expect(host.files.stat("/etc/systemd/system/teleport.service.wants")).toBeUndefined();
    expect(said.filter((line) => line === NEXT_BOOT)).toHaveLength(1);
  });

  test("what it disabled goes on again, where the unit says so", async () => {
    using host = temporaryHost();
    host.write(V1_FILE, "# WantedBy=none\n[Timer]\nWantedBy=none\n[Install]\nWantedBy=timers.target \\\n  a.target\n");
    await recovered(host, [
      timer(ON, OFF),
      { kind: "file", path: NAMESPACE.updaterTimer, before: { content: TIMER_TEXT, mode: 0o644 }, after: null },
      timer(ON, OFF, V1_TIMER_UNIT),
    ]);
    expect(host.files.readLink(TIMER_LINK)).toBe(NAMESPACE.updaterTimer);
    for (const target of ["timers.target", "a.target"])
      expect(host.files.readLink(`/etc/systemd/system/${target}.wants/${V1_TIMER_UNIT}`)).toBe(V1_FILE);
  });

  test("what another updater's setup wrote goes, and its timers are as they were", async () => {
    using host = temporaryHost();
    host.write(NAMESPACE.updaterTimer, "theirs");
    host.write(V1_FILE, "[Install]\nWantedBy=timers.target\n");
    host.link(TIMER_LINK, NAMESPACE.updaterTimer);
    await recovered(host, [
      {
        kind: "setup",
        program: "/opt/teleport/default/versions/18.1.0/bin/teleport-update",
        arguments: [],
        environment: {},
        before: [{ path: NAMESPACE.updaterTimer, kind: "absent" }],
        units: [
          { unit: TIMER, before: { enabled: false, active: false } },
          { unit: V1_TIMER_UNIT, before: { enabled: true, active: true } },
        ],
        reloads: [RELOAD],
      },
    ]);
    expect(Object.keys(treeOf(host)).sort()).toEqual([
      `/etc/systemd/system/timers.target.wants/${V1_TIMER_UNIT}`,
      V1_FILE,
    ]);
  });

  test("a unit that is as it was needs no change, and nothing is said of a boot", async () => {
    using host = temporaryHost();
    host.link("/usr/bin/tool", "/opt/new");
    const said = await recovered(host, [
      { kind: "link", path: "/usr/bin/tool", before: "/opt/old", after: "/opt/new" },
    ]);
    expect(said).not.toContain(NEXT_BOOT);
  });

  test("what cannot be brought about is said", async () => {
    using host = temporaryHost();
    host.write(NAMESPACE.updaterTimer, "[Timer]\n");
    const said = await recovered(host, [
      timer(ON, OFF),
      timer({ enabled: false, active: true }, OFF, V1_TIMER_UNIT),
      MODULE,
    ]);
    expect(said.slice(1, -2)).toEqual([
      expect.stringMatching(/^WARN The SELinux module stays as it is, .*`teleport-update enable`/),
      expect.stringContaining(`unit:${V1_TIMER_UNIT} command:systemctl start ${V1_TIMER_UNIT}`),
      expect.stringContaining(`unit:${TIMER} command:systemctl --root=${host.root} enable ${TIMER}`),
    ]);
  });
});
