import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { revision } from "../../src/settings/revision.ts";
import { type SetupRequest, setup } from "../../src/update/setup.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost, type UpdateHost } from "../support/update-host.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site[Symbol.asyncDispose]());

const REQUEST: SetupRequest = {
  namespace: NAMESPACE,
  revision: revision("18.1.0"),
  path: "/usr/local/bin",
  reload: true,
  selinuxSsh: false,
  tbot: true,
};

const { updaterUnit, updaterTimer, teleportDropIn, v1DropIn, teleport, tbot } = NAMESPACE;
const UNITS = [updaterUnit, updaterTimer, teleportDropIn, v1DropIn ?? "", teleport.unitFile, tbot.unitFile];

/** A host on which both services run. */
function hostWithServices(parts?: Parameters<typeof runningHost>[1]): UpdateHost {
  const host = runningHost(site, parts);
  for (const { unit } of [teleport, tbot]) host.write(`/run/units/${unit}.active`, "");
  host.link("/usr/local/bin/teleport", `${NAMESPACE.versions}/18.1.0/bin/teleport`);
  return host;
}

describe("setup", () => {
  test("[core 7.9 no restart] writes the units and starts the timer", async () => {
    using host = hostWithServices();
    await setup(host.world, { ...REQUEST, reload: false });
    for (const path of UNITS) expect(host.read(path)).toStartWith("# teleport-update 18.1.0\n");
    expect(host.systemctl()).toEqual(["daemon-reload", "enable teleport-update.timer --now"]);
  });

  test("[core 7.9 restart] reloads the agent and restarts the bot", async () => {
    using host = hostWithServices();
    await setup(host.world, REQUEST);
    expect(host.systemctl().slice(2)).toEqual(["reload teleport.service", "try-restart tbot.service"]);
  });

  test("leaves the bot alone unless it is asked to take care of it", async () => {
    using host = hostWithServices();
    await setup(host.world, { ...REQUEST, tbot: false });
    expect(host.files.stat(tbot.unitFile)).toBeUndefined();
    expect(host.systemctl().slice(2)).toEqual(["reload teleport.service"]);
  });

  test("makes no change a second time", async () => {
    using host = runningHost(site);
    await setup(host.world, { ...REQUEST, reload: false });
    const [before, asked] = [host.tree(), host.systemctl()];
    await setup(host.world, { ...REQUEST, reload: false });
    expect(host.tree()).toEqual(before);
    expect(host.systemctl()).toEqual(asked);
  });

  test("[core 7.9 unit absent with restart] is no failure, and an error in the log", async () => {
    using host = hostWithServices();
    host.write("/run/failing-verbs", "list-unit-files\n");
    await setup(host.world, REQUEST);
    expect(host.systemctl()).toEqual(["daemon-reload", "enable teleport-update.timer --now"]);
    expect(host.world.log.lines.filter((line) => line.startsWith("ERROR "))).toEqual([
      expect.stringContaining("unit:teleport.service"),
      expect.stringContaining("unit:tbot.service"),
    ]);
  });

  test("[core 7.9 present unsupported] without systemd only the services' units are written", async () => {
    using host = runningHost(site);
    host.files.removeDirectory("/run/systemd/system");
    await setup(host.world, REQUEST);
    expect(UNITS.filter((path) => host.files.stat(path) !== undefined)).toEqual([teleport.unitFile, tbot.unitFile]);
    expect(host.systemctl()).toEqual([]);
    expect(host.world.log.lines).toContainEqual(expect.stringContaining("WARN Systemd is not running"));
  });

  test("writes the same units and the timer's link on a host that does not run", async () => {
    using host = offlineHost(site);
    await setup(host.world, REQUEST);
    using running = hostWithServices();
    await setup(running.world, REQUEST);
    for (const path of UNITS) expect(host.read(path)).toBe(running.read(path));
    expect(host.files.readLink("/etc/systemd/system/teleport.service.wants/teleport-update.timer")).toBe(updaterTimer);
  });
});

describe("a setup that fails leaves the host as it was", () => {
  test.each([
    ["[core 7.9 setup error]", "/run/failing-verbs", "daemon-reload\n", "`systemctl daemon-reload` failed"],
    [
      "[core 7.9 setup error] of the timer",
      "/run/failing-verbs",
      "enable\n",
      "`systemctl enable teleport-update.timer",
    ],
    ["[core 7.9 present error]", "/run/failing-verbs", "--version\n", "`systemctl --version` does not tell a version"],
    ["[core 7.9 reload error]", "/run/bad-version", "18.1.0", "`systemctl try-restart teleport.service` failed"],
  ])("%s", async (_, path, content, message) => {
    using host = hostWithServices();
    host.write(path, content);
    const before = host.tree();
    const failure = await setup(host.world, REQUEST).catch((error) => error);
    expect([failure.code, failure.cause?.code]).toContain("E_SYSTEMD");
    expect(failure.message).toContain(message);
    expect(host.tree()).toEqual(before);
  });

  test("[core 7.9 canceled]", async () => {
    const abort = new AbortController();
    using host = hostWithServices({ signal: abort.signal });
    const before = host.tree();
    const { debug } = host.world.log;
    host.world.log.debug = (message, attributes) => {
      debug(message, attributes);
      if (message === "Change: reload teleport.service.") abort.abort();
    };
    await expect(setup(host.world, REQUEST)).rejects.toMatchObject({ code: "E_CANCELED" });
    expect(host.tree()).toEqual(before);
  });
});
