import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, lchownSync } from "node:fs";
import { join } from "node:path";
import { acquireLock, type LockMode } from "../../src/host/lock.ts";
import type { Processes } from "../../src/platform/processes.ts";
import { linkPackage } from "../../src/update/link-package.ts";
import { unlinkPackage } from "../../src/update/unlink-package.ts";
import { noteRuns } from "../support/note-runs.ts";
import { STOCK_UNIT } from "../support/release-texts.ts";
import { type Site, startSite } from "../support/site.ts";
import { layOutPackage, PACKAGE_BIN, PACKAGE_PROGRAMS } from "../support/teleport-package.ts";
import { NAMESPACE, offlineHost, runningHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site[Symbol.asyncDispose]());

const LINKS = "/usr/local/bin";
const LINKED = Object.fromEntries(PACKAGE_PROGRAMS.map((name) => [name, `${PACKAGE_BIN}/${name}`]));
const ACTIVE = ["active:", "    version: 18.0.0"];

const link = (host: UpdateHost) => linkPackage(host.world, { namespace: NAMESPACE });
const unlink = (host: UpdateHost) => unlinkPackage(host.world, { namespace: NAMESPACE });

function linksOf(host: UpdateHost): Record<string, string | undefined> {
  const names = host.files.list(LINKS) ?? [];
  return Object.fromEntries(names.map((name) => [name, host.files.readLink(`${LINKS}/${name}`)]));
}

async function packagedHost(make = runningHost): Promise<UpdateHost> {
  const host = make(site);
  await layOutPackage(host.root, { version: "18.0.0" });
  return host;
}

function setUpdates(host: UpdateHost, { enabled = false, pinned = false }): void {
  host.setConfig(updateYaml(["proxy: PROXY", `path: ${LINKS}`, `enabled: ${enabled}`, `pinned: ${pinned}`], ACTIVE));
}

const warnings = (host: UpdateHost) => host.world.log.lines.filter((line) => line.startsWith("WARN"));

describe("link-package", () => {
  test.each([{ enabled: true }, { pinned: true }])("[core 7.5 enabled or pinned] %j", async (updates) => {
    using host = await packagedHost();
    setUpdates(host, updates);
    const before = host.tree();
    await link(host);
    expect(host.tree()).toEqual(before);
    expect(host.systemctl()).toEqual([]);
  });

  test.each(["disabled", "no config"])("[core 7.5 %s]", async (state) => {
    using host = await packagedHost();
    if (state === "disabled") setUpdates(host, {});
    await link(host);
    expect(linksOf(host)).toEqual(LINKED);
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(STOCK_UNIT);
    expect(host.systemctl()).toEqual(["daemon-reload"]);
    expect(warnings(host)).toEqual([]);
  });

  test("completes what is there already", async () => {
    using host = await packagedHost();
    host.link(`${LINKS}/tsh`, `${PACKAGE_BIN}/tsh`);
    host.write(NAMESPACE.teleport.unitFile, "[Unit]\n");
    await link(host);
    expect(linksOf(host)).toEqual(LINKED);
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(STOCK_UNIT);
    const before = host.tree();
    await link(host);
    expect(host.tree()).toEqual(before);
  });

  test("[core 7.5 already linked]", async () => {
    using host = await packagedHost();
    host.link(`${LINKS}/tsh`, `${NAMESPACE.versions}/18.1.0/bin/tsh`);
    const before = host.tree();
    await link(host);
    expect(host.tree()).toEqual(before);
    expect(host.systemctl()).toEqual([]);
    expect(warnings(host)).toEqual([expect.stringContaining("another version than the package's is linked")]);
  });

  test("[core 7.5 link error]", async () => {
    using host = await packagedHost();
    host.write(`${LINKS}/tsh`, "by hand");
    const before = host.tree();
    await expect(link(host)).rejects.toMatchObject({ code: "E_FILE_PRESENT" });
    expect(host.tree()).toEqual(before);
  });

  test("[core 7.5 link error]: there is no package", async () => {
    using host = runningHost(site);
    await expect(link(host)).rejects.toMatchObject({ code: "E_NO_PROGRAMS", message: NO_PACKAGE });
  });

  test("[core 7.5 systemd missing]", async () => {
    using host = await packagedHost();
    host.files.removeTree("/run/systemd");
    await link(host);
    expect(linksOf(host)).toEqual(LINKED);
    expect(host.systemctl()).toEqual([]);
    expect(warnings(host)).toEqual([expect.stringContaining("Systemd is not running")]);
  });

  test("[core 7.5 unit not visible]: and the host is as before", async () => {
    using host = await packagedHost();
    host.write("/run/failing-verbs", "list-unit-files\n");
    host.write(NAMESPACE.teleport.unitFile, "[Unit]\n");
    const before = host.tree();
    await expect(link(host)).rejects.toMatchObject({
      code: "E_UNIT",
      message: expect.stringContaining("missing Teleport service"),
    });
    expect(host.tree()).toEqual(before);
  });

  test("what it links, it links alone", async () => {
    using host = await packagedHost();
    const others: unknown[] = [];
    const placeLink = (path: string, target: string) => {
      others.push(Bun.spawnSync(["flock", "-s", "-n", host.files.real(NAMESPACE.lock), "true"]).exitCode);
      host.files.placeLink(path, target);
    };
    await linkPackage({ ...host.world, files: { ...host.files, placeLink } }, { namespace: NAMESPACE });
    expect(others).toEqual(PACKAGE_PROGRAMS.map(() => 1));
  });

  test("what an updater decides between the look and the links counts", async () => {
    using host = await packagedHost();
    let taken = 0;
    const processes: Processes = {
      ...host.world.processes,
      async run(argv, options) {
        if (argv[0].endsWith("flock") && ++taken === 2) setUpdates(host, { enabled: true });
        return await host.world.processes.run(argv, options);
      },
    };
    await linkPackage({ ...host.world, processes }, { namespace: NAMESPACE });
    expect(linksOf(host)).toEqual({});
    expect(taken).toBe(2);
  });

  test("a program that cannot run here is not linked", async () => {
    using host = await packagedHost();
    host.write(`${PACKAGE_BIN}/tsh`, "\x7fELF but no more than that", 0o755);
    await expect(link(host)).rejects.toMatchObject({ code: "E_PROGRAM" });
    expect(linksOf(host)).toEqual({});
  });

  test("links a host that does not run", async () => {
    using host = await packagedHost(offlineHost);
    await link(host);
    expect(warnings(host)).toEqual([]);
    expect(linksOf(host)).toEqual(LINKED);
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(STOCK_UNIT);
  });

  test("reads the settings of the other updater, so a base URL without TLS stops it", async () => {
    using host = await packagedHost();
    host.setConfig(updateYaml(["proxy: PROXY", `path: ${LINKS}`, "base_url: http://x", "enabled: false"], ACTIVE));
    await expect(link(host)).rejects.toMatchObject({ code: "E_BASE_URL" });
  });
});

describe("[threat closed-parents] link-package on a host that others may change", () => {
  test.each([
    "/opt/teleport",
    NAMESPACE.directory,
    PACKAGE_BIN,
    `${PACKAGE_BIN}/tsh`,
    "/opt/teleport/system/lib/systemd/system/teleport.service",
    LINKS,
    "/etc/systemd/system",
  ])("runs, links and locks nothing until it is closed: `%s`", async (path) => {
    using host = await packagedHost();
    for (const folder of [NAMESPACE.directory, LINKS, "/etc/systemd/system"]) host.files.makeDirectory(folder);
    const runs = noteRuns(host);
    const mode = host.files.stat(path)?.mode ?? 0;
    chmodSync(join(host.root, path), 0o777);
    const before = host.tree();
    await expect(link(host)).rejects.toMatchObject({
      code: "E_OPEN_PLACE",
      message: expect.stringContaining(`others than root may change \`${host.root}${path}\``),
    });
    expect([host.tree(), runs(), host.files.stat(NAMESPACE.lock)]).toEqual([before, [], undefined]);
    chmodSync(join(host.root, path), mode);
    await link(host);
    expect(linksOf(host)).toEqual(LINKED);
  });

  test("runs no program from a folder where everybody may add one", async () => {
    using host = await packagedHost();
    const runs = noteRuns(host);
    chmodSync(join(host.root, PACKAGE_BIN), 0o1777);
    await expect(link(host)).rejects.toMatchObject({ code: "E_OPEN_PLACE" });
    expect([linksOf(host), runs()]).toEqual([{}, []]);
  });

  test.if(process.geteuid?.() === 0)("runs no program that is theirs", async () => {
    using host = await packagedHost();
    const runs = noteRuns(host);
    lchownSync(join(host.root, PACKAGE_BIN, "tsh"), 65_534, 0);
    await expect(link(host)).rejects.toMatchObject({ code: "E_OPEN_PLACE" });
    expect([linksOf(host), runs()]).toEqual([{}, []]);
  });

  test.each([{ enabled: true }, { pinned: true }])(
    "steps aside as ever where %j: there is nothing to do",
    async (set) => {
      using host = await packagedHost();
      setUpdates(host, set);
      chmodSync(join(host.root, "/opt/teleport"), 0o777);
      const before = host.tree();
      await link(host);
      expect(host.tree()).toEqual(before);
    },
  );
});

const NO_PACKAGE = expect.stringMatching(/^no package of Teleport is installed/);

describe("unlink-package", () => {
  test("removes the links, and leaves the unit, which may be running", async () => {
    using host = await packagedHost();
    await link(host);
    host.write(`${LINKS}/theirs`, "not ours");
    await unlink(host);
    expect(linksOf(host)).toEqual({ theirs: undefined });
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(STOCK_UNIT);
    expect(host.systemctl()).toEqual(["daemon-reload", "daemon-reload"]);
    const { unitFile } = NAMESPACE.teleport;
    expect(warnings(host)).toEqual([
      expect.stringMatching(
        new RegExp(`unit of the package's agent stays.* path:${unitFile} command:rm ${unitFile} && `),
      ),
    ]);
  });

  test("leaves a unit that was changed, and says that it was not made by the package", async () => {
    using host = await packagedHost();
    await link(host);
    host.write(NAMESPACE.teleport.unitFile, `${STOCK_UNIT}# by hand\n`);
    await unlink(host);
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(`${STOCK_UNIT}# by hand\n`);
    expect(warnings(host)).toEqual([expect.stringContaining("it was not made by the version that is unlinked")]);
  });

  test("leaves managed versions alone, and our own updater with them", async () => {
    using host = await packagedHost();
    setUpdates(host, { enabled: true });
    host.link(`${LINKS}/teleport`, `${NAMESPACE.versions}/18.1.0/bin/teleport`);
    host.link(`${LINKS}/teleport-update`, `${NAMESPACE.updaterCopies}/1.0.0-abc/teleport-update`);
    const before = host.tree();
    await unlink(host);
    expect(host.tree()).toEqual(before);
    expect(host.systemctl()).toEqual([]);
  });

  test("fails where there is no package", async () => {
    using host = runningHost(site);
    await expect(unlink(host)).rejects.toMatchObject({ code: "E_NO_PROGRAMS", message: NO_PACKAGE });
  });
});

describe("while another updater works, a package's script steps aside", () => {
  test.each<[string, LockMode["kind"], typeof link]>([
    ["link-package for a writer", "exclusive", link],
    ["link-package for a reader that may be about to link, too", "shared", link],
    ["unlink-package for a writer", "exclusive", unlink],
    ["unlink-package for a reader", "shared", unlink],
  ])("%s", async (_, kind, run) => {
    using host = await packagedHost();
    if (run === unlink) await link(host);
    const before = host.tree();
    using _lock = await acquireLock(host.world, NAMESPACE, { kind, waitMs: 0 });
    await run(host);
    expect(host.tree()).toEqual(before);
    expect(warnings(host)).toEqual([expect.stringContaining("The updater is running, skipping.")]);
  });

  test("link-package where there is nothing to link: for a writer only", async () => {
    using host = await packagedHost();
    await link(host);
    {
      using _lock = await acquireLock(host.world, NAMESPACE, { kind: "shared", waitMs: 0 });
      await link(host);
      expect(warnings(host)).toEqual([]);
    }
    using _lock = await acquireLock(host.world, NAMESPACE, { kind: "exclusive", waitMs: 0 });
    await link(host);
    expect(warnings(host)).toEqual([expect.stringContaining("The updater is running, skipping.")]);
  });
});
