import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { undoChange } from "../../src/update/undo-change.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";

const BOT_TIMER = "/etc/systemd/system/tbot.service.wants/teleport-update.timer";

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
  await site.release({ version: "18.1.0" });
  await site.release({ version: "18.2.0", updater: "failing" });
});
afterAll(() => site[Symbol.asyncDispose]());

const botsNamed = (host: UpdateHost) =>
  host.world.log.lines.splice(0).filter((line) => line.includes("Another unit runs a bot"));

describe("a host with nothing but a bot", () => {
  test("is enrolled at the proxy that `tbot.yaml` names", async () => {
    using host = runningHost(site);
    host.write("/etc/tbot.yaml", `version: v2\nproxy_server: ${site.server.address}\n`);
    await host.enroll({ proxy: "", forceVersion: "18.0.0" });
    expect(host.config()).toContain("    proxy: PROXY\n");
  });

  test("is not, when `tbot.yaml` belongs to a service of somebody else's", async () => {
    using host = runningHost(site);
    host.write("/etc/tbot.yaml", `proxy_server: ${site.server.address}\n`);
    host.write(NAMESPACE.tbot.unitFile, "[Service]\n");
    await expect(host.enroll({ proxy: "" })).rejects.toMatchObject({ code: "E_PROXY_ADDRESS" });
  });

  test.each([
    ["the release's setup", {}],
    ["our own setup", { selfSetup: true }],
  ])("has the timer wanted by the bot, and systemd reads that: %s", async (_, request) => {
    using host = runningHost(site);
    await host.enroll({ ...request, forceVersion: "18.0.0" });
    expect(host.files.readLink(BOT_TIMER)).toBe(NAMESPACE.updaterTimer);
    expect(host.systemctl()).toContain("daemon-reload");

    const before = host.systemctl().length;
    host.files.removeFile(BOT_TIMER);
    await host.enroll({ ...request, forceVersion: "18.0.0" });
    expect(host.files.readLink(BOT_TIMER)).toBe(NAMESPACE.updaterTimer);
    expect(host.systemctl().slice(before)).toContain("daemon-reload");
  });

  test("loses the link with a release that fails", async () => {
    using host = await servingHost(site);
    host.files.removeFile(BOT_TIMER);
    await expect(host.enroll({ forceVersion: "18.2.0" })).rejects.toMatchObject({ code: "E_BROKEN_RELEASE" });
    expect(host.files.readLink(BOT_TIMER)).toBeUndefined();
  });

  test("gets the link back with its folder, which systemd removes with the last link", async () => {
    using host = runningHost(site);
    await undoChange(host.world, { kind: "link", path: BOT_TIMER, before: NAMESPACE.updaterTimer, after: null });
    expect(host.files.readLink(BOT_TIMER)).toBe(NAMESPACE.updaterTimer);
  });

  test("has no such link when its bot is not ours", async () => {
    using host = runningHost(site);
    host.write(NAMESPACE.tbot.unitFile, "[Service]\n");
    await host.enroll({ forceVersion: "18.0.0" });
    expect(host.files.readLink(BOT_TIMER)).toBeUndefined();
  });
});

describe("a bot under another name", () => {
  const MACHINE_ID = "[Service]\nExecStart=/usr/local/bin/tbot start -c /etc/tbot.yaml\n";

  test("is named with the command that ends it while it is enabled or runs", async () => {
    using host = runningHost(site);
    host.write("/etc/systemd/system/machineid.service", MACHINE_ID);
    await host.enroll({ forceVersion: "18.0.0" });
    expect(botsNamed(host)).toEqual([]);

    host.write("/run/units/machineid.service.active", "");
    await host.enroll({ forceVersion: "18.0.0" });
    expect(botsNamed(host)).toEqual([expect.stringContaining("command:systemctl disable --now machineid.service")]);
  });

  test("is named on a host that does not run, when it is enabled there", async () => {
    using host = offlineHost(site);
    const unit = "/etc/systemd/system/machineid.service";
    host.write(unit, MACHINE_ID);
    await host.enroll({ forceVersion: "18.0.0" });
    expect(botsNamed(host)).toEqual([]);
    host.link("/etc/systemd/system/multi-user.target.wants/machineid.service", unit);
    await host.enroll({ forceVersion: "18.0.0" });
    expect(botsNamed(host)).toHaveLength(1);
  });
});
