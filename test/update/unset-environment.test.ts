import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { UNIT_MARKER } from "../../src/settings/custom-tbot.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await Promise.all([site.release({ version: "18.0.0" }), site.release({ version: "18.1.0" })]);
});
afterAll(() => site[Symbol.asyncDispose]());

const { updaterDropIn, updaterUnit } = NAMESPACE;
const UNSET = /^UnsetEnvironment=.*\bLD_PRELOAD\b/m;
const unit = (host: UpdateHost) => host.read(updaterUnit);
const dropIn = (host: UpdateHost) => host.files.readText(updaterDropIn, 1 << 16);

describe("[threat unset-environment] a unit that starts ours unsets what is refused", () => {
  test("when the release's own setup wrote it", async () => {
    using host = runningHost(site);
    await host.enroll({ forceVersion: "18.0.0" });
    expect(unit(host)).not.toMatch(UNSET);
    expect(dropIn(host)).toMatch(UNSET);
    expect(host.systemctl().at(-1)).toBe("daemon-reload");

    await host.enroll({ forceVersion: "18.1.0" });
    expect(dropIn(host)).toStartWith(`${UNIT_MARKER}18.1.0\n`);
    const units = () => host.tree().filter((line) => /^\/(etc|lib)\//.test(line));
    const before = units();
    await host.enroll({ forceVersion: "18.1.0" });
    expect(units()).toEqual(before);
  });

  test("when our templates made it, which needs no drop-in", async () => {
    using host = runningHost(site);
    await host.enroll({ forceVersion: "18.0.0" });
    await host.enroll({ forceVersion: "18.0.0", selfSetup: true });
    expect(unit(host)).toMatch(UNSET);
    expect(dropIn(host)).toBeUndefined();
    await host.enroll({ forceVersion: "18.0.0" });
    expect(unit(host)).not.toMatch(UNSET);
    expect(dropIn(host)).toMatch(UNSET);
  });

  test("and not once the host is handed over", async () => {
    using host = runningHost(site);
    await host.enroll({ forceVersion: "18.0.0" });
    await host.enroll({ forceVersion: "18.0.0", handOver: true });
    expect(dropIn(host)).toBeUndefined();
    await host.enroll({ forceVersion: "18.0.0" });
    expect(dropIn(host)).toMatch(UNSET);
  });

  test("the drop-in goes with the unit", async () => {
    using host = runningHost(site);
    await host.enroll({ forceVersion: "18.0.0" });
    await uninstall(host.world, { namespace: NAMESPACE, force: true });
    expect(dropIn(host)).toBeUndefined();
    expect(host.files.stat(updaterUnit)).toBeUndefined();
  });

  test("and a roll back leaves it as it was", async () => {
    using host = await servingHost(site);
    const before = dropIn(host);
    host.write("/run/bad-version", "18.1.0");
    await expect(host.enroll({ forceVersion: "18.1.0" })).rejects.toThrow();
    expect(dropIn(host)).toBe(before);

    using fresh = runningHost(site);
    fresh.write("/run/failing-verbs", "enable\n");
    await expect(fresh.enroll({ forceVersion: "18.0.0" })).rejects.toThrow();
    expect(dropIn(fresh)).toBeUndefined();
  });

  test("what an operator wrote into it is kept, and an own drop-in is left alone", async () => {
    using host = runningHost(site);
    await host.enroll({ forceVersion: "18.0.0" });
    const override = updaterDropIn.replace(/[^/]+$/, "override.conf");
    host.write(override, "[Service]\nUnsetEnvironment=\n");
    host.write(updaterDropIn, `${dropIn(host)}Nice=5\n`);
    await host.enroll({ forceVersion: "18.1.0" });
    expect(host.read(override)).toBe("[Service]\nUnsetEnvironment=\n");
    expect(dropIn(host)).not.toContain("Nice=5");
    const kept = host.files.list(`${updaterUnit}.d`)?.find((name) => name.includes(".edited-"));
    expect(host.read(`${updaterUnit}.d/${kept}`)).toContain("Nice=5");
  });
});
