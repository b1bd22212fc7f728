import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { namespaceFor } from "../../src/settings/namespace.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { noteRuns } from "../support/note-runs.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { STOCK_UNIT } from "../support/release-texts.ts";
import { type Site, startSite } from "../support/site.ts";
import { layOutPackage, PACKAGE_BIN, PACKAGE_PROGRAMS } from "../support/teleport-package.ts";
import { NAMESPACE, offlineHost, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
  site.server.find = advertise("18.0.0");
});
afterAll(() => site[Symbol.asyncDispose]());

const LINKS = "/usr/local/bin";
const BLUE = namespaceFor("blue");

const remove = (host: UpdateHost, { force = false, namespace = NAMESPACE } = {}) =>
  uninstall(host.world, { namespace, force });

/** Enrolled into 18.0.0; its services are enabled and active, but for `stopped`. */
async function enrolledHost(
  { stopped = false, ...request }: Partial<EnrollRequest> & { stopped?: boolean } = {},
  parts: UpdateHost["world"] | object = {},
): Promise<UpdateHost> {
  const host = await servingHost(site, request, parts);
  if (stopped)
    for (const { unit } of [NAMESPACE.teleport, NAMESPACE.tbot]) host.files.removeFile(`/run/units/${unit}.active`);
  return host;
}

function linksIn(host: UpdateHost, directory = LINKS): Record<string, string | undefined> {
  const names = host.files.list(directory) ?? [];
  return Object.fromEntries(names.map((name) => [name, host.files.readLink(`${directory}/${name}`)]));
}

/** Every file and link of the updater's, or of a managed version's, that is left. */
function traces(host: UpdateHost, namespace = NAMESPACE): string[] {
  const ours = [
    namespace.directory,
    "teleport-update",
    "tbot.service",
    "teleport.service",
    "teleport_blue",
    "/local/bin/",
  ];
  return Object.keys(host.snapshot()).filter(
    (path) => ours.some((part) => path.includes(part)) && !/^\/(run|opt\/teleport\/system)\//.test(path),
  );
}

const warnings = (host: UpdateHost) => host.world.log.lines.filter((line) => line.startsWith("WARN"));

describe("nothing installed: what is left of the updater goes", () => {
  test("[core 7.6 no config]", async () => {
    using host = runningHost(site);
    await remove(host);
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
    expect(host.systemctl()).toEqual([]);
    expect(host.world.log.lines.filter((line) => line.startsWith("INFO"))).toEqual([
      "INFO There was nothing to remove.",
    ]);
  });

  test.each([NAMESPACE.updaterUnit, `${NAMESPACE.versions}/18.0.0/sha256`])(
    "[core 7.6 no config]: but %s is something",
    async (path) => {
      using host = runningHost(site);
      host.write(path, "ours\n");
      await remove(host);
      expect(host.files.stat(path)).toBeUndefined();
      expect(host.world.log.lines.at(-1)).toBe("INFO The updater is uninstalled.");
    },
  );

  test("[core 7.6 no active version]: timer and units as well", async () => {
    using host = runningHost(site);
    host.setConfig(updateYaml(["proxy: PROXY", 'path: ""', "enabled: true"], ["active:", '    version: ""']));
    const { updaterUnit, updaterTimer, teleportDropIn, v1DropIn = "", needrestart } = NAMESPACE;
    for (const path of [updaterUnit, updaterTimer, teleportDropIn, v1DropIn, needrestart]) host.write(path, "ours\n");
    for (const state of ["enabled", "active"]) host.write(`/run/units/teleport-update.timer.${state}`, "");
    await remove(host);
    expect(traces(host)).toEqual([]);
    expect(host.systemctl()).toEqual(["disable teleport-update.timer --now", "daemon-reload"]);
  });

  test("settings that were lost do not make links lead nowhere", async () => {
    using host = await enrolledHost();
    host.files.removeFile(NAMESPACE.config);
    const before = host.tree();
    await expect(remove(host)).rejects.toMatchObject({ code: "E_NEEDS_FORCE" });
    await expect(remove(host, { force: true })).rejects.toMatchObject({ code: "E_STILL_RUNNING" });
    expect(host.tree()).toEqual(before);
  });

  test("settings that cannot be read, or have a base URL without TLS, stop it", async () => {
    using host = runningHost(site);
    host.setConfig("kind: other\n");
    await expect(remove(host)).rejects.toMatchObject({ code: "E_CONFIG_READ" });
    host.setConfig(updateYaml(["proxy: PROXY", "base_url: http://x"], ["active:", '    version: ""']));
    await expect(remove(host)).rejects.toMatchObject({ code: "E_BASE_URL" });
  });
});

describe("no package takes over", () => {
  test.each<[string, Partial<EnrollRequest>, { force: boolean; stopped: boolean }, string]>([
    ["default path, active, force", {}, { force: true, stopped: false }, "E_STILL_RUNNING"],
    ["default path, inactive", {}, { force: false, stopped: true }, "E_NEEDS_FORCE"],
    ["custom path", { path: "/srv/bin" }, { force: false, stopped: true }, "E_NEEDS_FORCE"],
  ])("[core 7.6 %s]: refused, and nothing changes", async (_, request, { force, stopped }, code) => {
    using host = await enrolledHost({ ...request, stopped });
    if (request.path !== undefined) await layOutPackage(host.root, { version: "17.0.0" });
    const before = host.tree();
    await expect(remove(host, { force })).rejects.toMatchObject({ code });
    expect(host.tree()).toEqual(before);
    expect(host.systemctl()).toEqual([]);
  });

  test("[core 7.6 default path, active, force]: a bot alone is enough to be refused", async () => {
    using host = await enrolledHost({ stopped: true });
    host.write(`/run/units/${NAMESPACE.tbot.unit}.active`, "");
    await expect(remove(host, { force: true })).rejects.toMatchObject({ code: "E_STILL_RUNNING" });
  });

  test("[core 7.6 default path, inactive, force]: programs, units and our own copy go", async () => {
    using host = await enrolledHost({ stopped: true });
    host.write(`${LINKS}/theirs`, "not ours");
    await remove(host, { force: true });
    expect(traces(host)).toEqual([`${LINKS}/theirs`]);
    expect(host.systemctl()).toEqual(["daemon-reload", "disable teleport-update.timer --now", "daemon-reload"]);
    expect(warnings(host).at(-1)).toBe("WARN No package takes over, removing Teleport completely.");
  });

  test("[core 7.6 default path, no systemd, force]", async () => {
    using host = await enrolledHost();
    host.files.removeTree("/run/systemd");
    await remove(host, { force: true });
    expect(linksIn(host)).toEqual({});
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
    expect(host.systemctl()).toEqual([]);
  });

  test("[core 7.6 custom path, force]: a package is not linked", async () => {
    using host = await enrolledHost({ path: "/srv/bin", stopped: true });
    await layOutPackage(host.root, { version: "17.0.0" });
    await remove(host, { force: true });
    expect(linksIn(host, "/srv/bin")).toEqual({});
    expect(traces(host)).toEqual([]);
  });

  test("[core 7.6 empty path, force]: links in the namespace's own place go all the same", async () => {
    using host = await enrolledHost({ stopped: true });
    await layOutPackage(host.root, { version: "17.0.0" });
    host.setConfig(updateYaml(["proxy: PROXY", 'path: ""', "enabled: true"], ["active:", "    version: 18.0.0"]));
    await remove(host, { force: true });
    expect(traces(host)).toEqual([]);
  });

  test("[core 7.6 custom path, other unit]: a suffix needs no force, and leaves the other installation alone", async () => {
    using host = await enrolledHost();
    const before = host.tree();
    await host.enroll({ namespace: BLUE });
    await remove(host, { namespace: BLUE });
    expect(traces(host, BLUE).filter((path) => path.includes("blue"))).toEqual([]);
    const isEmptyFolder = (line: string) => /^\/\S*_blue\S*\/ \d+$/.test(line);
    const others = (lines: string[]) => lines.filter((line) => !line.startsWith("/run/") && !isEmptyFolder(line));
    expect(others(host.tree()).filter((line) => !line.includes("/teleport_blue/bot/"))).toEqual(others(before));
  });

  test("an operator's links into the namespace go as well, each named, and a failure puts them back", async () => {
    using host = await enrolledHost({ stopped: true });
    const alias = `${LINKS}/teleport-old`;
    host.link(alias, `${NAMESPACE.versions}/18.0.0/bin/teleport`);
    host.link(`${LINKS}/blue`, "/opt/teleport/blue/versions/18.0.0/bin/teleport");
    failOnce(host, "daemon-reload");
    await expect(remove(host, { force: true })).rejects.toMatchObject({ code: "E_SYSTEMD" });
    expect(host.files.statFollowed(alias)).toBeDefined();
    await remove(host, { force: true });
    expect(traces(host)).toEqual([`${LINKS}/blue`]);
    expect(warnings(host).join("\n")).toContain(`path:${alias} target:${NAMESPACE.versions}/18.0.0/bin/teleport`);
  });

  test("a suffix whose settings were lost is found by its links in `/usr/local/bin`", async () => {
    using host = await enrolledHost({ namespace: BLUE, path: LINKS, stopped: true });
    host.files.removeFile(BLUE.config);
    await remove(host, { namespace: BLUE });
    expect(linksIn(host)).toEqual({});
    expect(host.files.stat(BLUE.teleport.unitFile)).toBeUndefined();
  });

  test("a unit that an operator made stays, and is named", async () => {
    using host = await enrolledHost({ stopped: true });
    host.write(NAMESPACE.teleport.unitFile, "[Unit]\nDescription=mine\n");
    await remove(host, { force: true });
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe("[Unit]\nDescription=mine\n");
    expect(warnings(host).join("\n")).toContain(`path:${NAMESPACE.teleport.unitFile}`);
  });
});

describe("a package takes over", () => {
  const LINKED = Object.fromEntries(PACKAGE_PROGRAMS.map((name) => [name, `${PACKAGE_BIN}/${name}`]));

  async function packagedHost(request: Parameters<typeof enrolledHost>[0] = {}): Promise<UpdateHost> {
    const host = await enrolledHost(request);
    await layOutPackage(host.root, { version: "17.0.0" });
    return host;
  }

  test("[core 7.6 package]: linked, synced, reloaded, then everything of ours goes", async () => {
    using host = await packagedHost();
    await remove(host);
    expect(linksIn(host)).toEqual(LINKED);
    expect(host.read(NAMESPACE.teleport.unitFile)).toBe(STOCK_UNIT);
    expect(host.read(NAMESPACE.tbot.unitFile)).toStartWith("# teleport-update 18.0.0\n");
    expect(host.systemctl()).toEqual([
      "daemon-reload",
      "reload teleport.service",
      "try-restart tbot.service",
      "disable teleport-update.timer --now",
      "daemon-reload",
    ]);
    const kept = [NAMESPACE.teleport.unitFile, NAMESPACE.tbot.unitFile];
    expect(traces(host).filter((path) => !path.startsWith(LINKS))).toEqual(kept.sort());
  });

  test("[core 7.6 package]: a bot's service of somebody else is not restarted", async () => {
    using host = await packagedHost();
    host.write(NAMESPACE.tbot.unitFile, "[Unit]\n");
    await remove(host);
    expect(host.systemctl()).not.toContain("try-restart tbot.service");
    expect(host.read(NAMESPACE.tbot.unitFile)).toBe("[Unit]\n");
  });

  test.each([PACKAGE_BIN, `${PACKAGE_BIN}/teleport`, "/opt/teleport/system/lib/systemd"])(
    "[threat closed-parents] but not while others may change it: `%s`",
    async (path) => {
      using host = await packagedHost();
      const mode = host.files.stat(path)?.mode ?? 0;
      chmodSync(join(host.root, path), 0o777);
      const [before, runs] = [host.tree(), noteRuns(host)];
      await expect(remove(host)).rejects.toMatchObject({
        code: "E_OPEN_PLACE",
        hint: expect.stringContaining(`chmod go-w ${host.root}${path}`),
      });
      expect([host.tree(), runs().filter((words) => words.includes(PACKAGE_BIN))]).toEqual([before, []]);
      chmodSync(join(host.root, path), mode);
      await remove(host);
      expect(linksIn(host)).toEqual(LINKED);
      expect(runs()).toContain(`${PACKAGE_BIN}/teleport version`);
    },
  );

  test("[core 7.6 package, unsupported sync or reload]", async () => {
    using host = await packagedHost();
    host.files.removeTree("/run/systemd");
    await remove(host);
    expect(linksIn(host)).toEqual(LINKED);
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
    expect(host.systemctl()).toEqual([]);
  });

  test("[core 7.6 package, sync error]: everything is back, and nothing is torn down", async () => {
    using host = await packagedHost();
    failOnce(host, "daemon-reload");
    const before = managed(host);
    await expect(remove(host)).rejects.toMatchObject({ code: "E_SYSTEMD" });
    expect(managed(host)).toEqual(before);
    expect(host.systemctl()).toEqual(["daemon-reload"]);
  });

  test("[core 7.6 package, reload error]: everything is back, and the agent under its old version", async () => {
    using host = await packagedHost();
    host.write("/run/bad-version", "system");
    const before = managed(host);
    const failure = await remove(host).catch((error) => error);
    expect(failure).toMatchObject({
      code: "E_SYSTEMD",
      message: expect.stringContaining("failed to start the version of the package"),
    });
    expect(managed(host)).toEqual(before);
    expect(host.systemctl()).toEqual([
      "daemon-reload",
      "reload teleport.service",
      "try-restart teleport.service",
      "daemon-reload",
      "reload teleport.service",
    ]);
  });

  test.each<[string, (host: UpdateHost) => void, string]>([
    [
      "a program of it cannot run here",
      (host) => host.write(`${PACKAGE_BIN}/tsh`, "\x7fELF and no more", 0o755),
      "E_PROGRAM",
    ],
    ["it has no unit", (host) => host.files.removeTree("/opt/teleport/system/lib"), "E_UNIT"],
    [
      "a file is where a link must go",
      (host) => {
        host.files.removeFile(`${LINKS}/tsh`);
        host.write(`${LINKS}/tsh`, "theirs");
      },
      "E_FILE_PRESENT",
    ],
  ])("%s: refused before anything changes", async (_, spoil, code) => {
    using host = await packagedHost();
    spoil(host);
    const before = host.tree();
    await expect(remove(host)).rejects.toMatchObject({ code });
    expect(host.tree()).toEqual(before);
    expect(host.systemctl()).toEqual([]);
  });

  test("links that the package has no program for go, our own updater's as well", async () => {
    using host = await packagedHost();
    host.files.removeFile(`${PACKAGE_BIN}/teleport-update`);
    host.files.removeFile(`${PACKAGE_BIN}/fdpass-teleport`);
    await remove(host);
    const { "teleport-update": _, "fdpass-teleport": __, ...others } = LINKED;
    expect(linksIn(host)).toEqual(others);
  });

  test("an operator's links into the namespace go", async () => {
    using host = await packagedHost();
    host.link(`${LINKS}/tsh18`, `${NAMESPACE.versions}/18.0.0/bin/tsh`);
    await remove(host);
    expect(linksIn(host)).toEqual(LINKED);
  });

  test("a host that does not run is given back by the same plan", async () => {
    using host = offlineHost(site);
    await host.enroll();
    await layOutPackage(host.root, { version: "17.0.0" });
    await remove(host);
    expect(linksIn(host)).toEqual(LINKED);
    expect(traces(host).filter((path) => !path.startsWith(LINKS))).toEqual(
      [NAMESPACE.teleport.unitFile, NAMESPACE.tbot.unitFile].sort(),
    );
  });

  /** What the host is besides the log of its systemd. */
  const managed = (host: UpdateHost) =>
    host.tree().filter((line) => !line.startsWith("/run/") && !line.startsWith("/usr/bin/"));
});

describe("timers", () => {
  test("one of ours that would not go off is warned about, and fails nothing", async () => {
    using host = await enrolledHost({ stopped: true });
    host.write("/run/failing-verbs", "disable\n");
    await remove(host, { force: true });
    expect(traces(host)).toEqual([]);
    expect(warnings(host).join("\n")).toContain("command:systemctl stop teleport-update.timer");
  });

  test("that of the v1 updater gets its work back", async () => {
    using host = await enrolledHost({ stopped: true });
    host.write("/lib/systemd/system/teleport-upgrade.timer", "[Timer]\n");
    await remove(host, { force: true });
    expect(host.systemctl().at(-1)).toBe("enable teleport-upgrade.timer --now");
    expect(warnings(host).join("\n")).toContain("It will update Teleport from now on.");
  });

  test("that of the v1 updater is no reason to fail either", async () => {
    using host = await enrolledHost({ stopped: true });
    host.write("/lib/systemd/system/teleport-upgrade.timer", "[Timer]\n");
    host.write("/run/failing-verbs", "enable\n");
    await remove(host, { force: true });
    expect(traces(host)).toEqual([]);
    expect(host.world.log.lines.join("\n")).toContain("command:systemctl enable --now teleport-upgrade.timer");
  });
});

describe("the namespace goes", () => {
  /** Uninstalls; `instead` gets each path that is to be removed with all below it. */
  const removeBy = (host: UpdateHost, instead: (path: string) => void) =>
    uninstall({ ...host.world, files: { ...host.files, removeTree: instead } }, { namespace: NAMESPACE, force: true });

  test("piece by piece: what is left at any time passes for nothing installed, and is locked", async () => {
    using host = await enrolledHost({ stopped: true });
    await host.enroll({ options: { maxVersion: "19" } });
    const removed: string[] = [];
    await removeBy(host, (path) => {
      removed.push(path.slice(`${NAMESPACE.directory}/`.length));
      host.files.removeTree(path);
    });
    expect(removed).toEqual([
      "update.yaml",
      "history.jsonl",
      "setup-calls.jsonl",
      "units.sha256",
      "updater.yaml",
      "versions/18.0.0/sha256",
      "updater",
      "versions",
      "update.lock",
    ]);
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
  });

  test("but not with what another run has put there since the lock went", async () => {
    using host = await enrolledHost({ stopped: true });
    await removeBy(host, (path) => {
      host.files.removeTree(path);
      if (path === NAMESPACE.lock) host.write(NAMESPACE.lock, "", 0o600);
    });
    expect(host.files.list(NAMESPACE.directory)).toEqual(["update.lock"]);
  });

  test("and where that was cut short, the next run finishes it, without `--force`", async () => {
    using host = await enrolledHost({ stopped: true });
    const cutShort = removeBy(host, (path) => {
      if (path !== NAMESPACE.config) throw new Error("cut short");
      host.files.removeTree(path);
    });
    await expect(cutShort).rejects.toThrow("cut short");
    expect(host.files.list(NAMESPACE.versions)).toEqual(["18.0.0"]);
    await remove(host);
    expect(traces(host)).toEqual([]);
  });
});

test("a signal before the first change leaves all as it is", async () => {
  const abort = new AbortController();
  using host = await enrolledHost({ stopped: true }, { signal: abort.signal });
  const before = host.tree();
  abort.abort();
  await expect(remove(host, { force: true })).rejects.toMatchObject({ code: "E_CANCELED" });
  expect(host.tree()).toEqual(before);
});

/** Lets the next call of a verb fail, and those after it work. */
function failOnce(host: UpdateHost, verb: string): void {
  host.files.rename("/usr/bin/systemctl", "/usr/bin/systemctl.working");
  host.files.makeDirectory("/run/fails-once");
  const script = `#!/bin/sh
if [ "$1" = ${verb} ] && rmdir '${host.root}/run/fails-once' 2>/dev/null; then exit 1; fi
exec '${host.root}/usr/bin/systemctl.working' "$@"
`;
  host.write("/usr/bin/systemctl", script, 0o755);
}
