import { describe, expect, test } from "bun:test";
import { planModule, planModuleRemoval } from "../../../src/host/selinux/plan-module.ts";
import type { Files } from "../../../src/platform/files.ts";
import { namespaceFor } from "../../../src/settings/namespace.ts";
import { type TemporaryHost, temporaryHost } from "../../support/temporary-host.ts";

const namespace = namespaceFor("");
const DATA = "/var/lib/teleport";

/** The host as if it ran: its tree passes for `/`. */
const running = (host: TemporaryHost): Files => ({ ...host.files, root: "/" });

function installModule(host: TemporaryHost): void {
  host.write("/etc/selinux/config", "SELINUXTYPE=default\n");
  host.write("/var/lib/selinux/default/active/modules/400/teleport_ssh/cil", "");
}

function switchOn(host: TemporaryHost, suffix: string): void {
  host.write(namespaceFor(suffix).config, "version: v1\nkind: update_config\nspec:\n  selinux_ssh: true\n");
}

const changesOf = (host: TemporaryHost, isWanted: boolean) =>
  planModule(running(host), namespace, DATA, isWanted).changes.map((change) =>
    change.kind === "selinux-module" ? [change.before, change.after] : change.kind,
  );

describe("the module that a setup step plans", () => {
  test.each([
    ["on, not installed", true, false, [[false, true]]],
    ["on, installed: built again", true, true, [[true, true]]],
    ["off, not installed", false, false, []],
    ["off, installed", false, true, [[true, false]]],
  ])("%s", (_, isWanted, isInstalled, expected) => {
    using host = temporaryHost();
    if (isInstalled) installModule(host);
    expect(changesOf(host, isWanted)).toEqual(expected);
  });

  test("names what it labels, and what is missing of that", () => {
    using host = temporaryHost();
    host.files.makeDirectory("/var/lib");
    expect(planModule(running(host), namespace, "/srv/agent/data", true).changes).toEqual([
      {
        kind: "selinux-module",
        before: false,
        after: true,
        installDirectory: "/opt/teleport",
        namespaceDirectory: "/opt/teleport/default",
        dataDirectory: "/srv/agent/data",
        config: "/etc/teleport.yaml",
        pidFile: "/run/teleport.pid",
        makes: {
          directories: [
            { path: "/etc", mode: 0o755 },
            { path: "/etc/teleport-upgrade.d", mode: 0o755 },
            { path: "/srv", mode: 0o755 },
            { path: "/srv/agent", mode: 0o755 },
            { path: "/srv/agent/data", mode: 0o700 },
          ],
          config: true,
        },
      },
    ]);
  });

  test.each([
    [true, 1],
    [false, 0],
  ])("under `--root` nothing is planned, and one warning says so when it is wanted: %p", (isWanted, warnings) => {
    using host = temporaryHost();
    installModule(host);
    const plan = planModule(host.files, namespace, DATA, isWanted);
    expect(plan.changes).toEqual([]);
    expect(plan.notices).toHaveLength(warnings);
    expect(planModuleRemoval(host.files, namespace, DATA)).toEqual([]);
  });

  test("when its state cannot be read, it is left as it is", () => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/selinux/config");
    expect(planModule(running(host), namespace, DATA, false)).toEqual({
      changes: [],
      notices: [expect.objectContaining({ level: "warn", message: "The SELinux module is left as it is." })],
    });
    expect(() => planModuleRemoval(running(host), namespace, DATA)).toThrow(
      expect.objectContaining({ code: "E_UNREADABLE_FILE" }),
    );
  });
});

describe("the one module of several installations", () => {
  test("is taken over with a warning that names the other one", () => {
    using host = temporaryHost();
    switchOn(host, "");
    switchOn(host, "blue");
    host.write("/opt/teleport/green/update.yaml", "not a configuration");
    const plan = planModule(running(host), namespaceFor("blue"), DATA, true);
    expect(plan.changes).toHaveLength(1);
    expect(plan.notices).toEqual([
      expect.objectContaining({ level: "warn", attributes: expect.objectContaining({ others: namespace.directory }) }),
    ]);
  });

  test("stays for the other one", () => {
    using host = temporaryHost();
    installModule(host);
    switchOn(host, "blue");
    expect(changesOf(host, false)).toEqual([]);
    expect(planModuleRemoval(running(host), namespaceFor("blue"), DATA)).toHaveLength(1);
  });
});

test("an agent that does not run as root gets a warning", () => {
  using host = temporaryHost();
  host.files.makeDirectory(DATA);
  const owned = (owner: number): Files => ({
    ...running(host),
    statFollowed: (path) => ({
      kind: "directory",
      mode: 0o700,
      size: 0,
      group: 0,
      links: 2,
      ...host.files.statFollowed(path),
      owner,
    }),
  });
  expect(planModule(owned(0), namespace, DATA, true).notices).toEqual([]);
  expect(planModule(owned(1000), namespace, DATA, true).notices).toEqual([
    expect.objectContaining({ level: "warn", attributes: { path: DATA, owner: 1000 } }),
  ]);
});
