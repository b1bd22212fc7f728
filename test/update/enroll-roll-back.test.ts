import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, servingHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0", updater: "failing" });
  await site.release({ version: "18.1.0" });
  await site.release({ version: "18.2.0", updater: "failing" });
});
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => {
  site.server.find = advertise("18.1.0");
});

/** Everything but the calls that a failing setup noted. */
const treeOf = (host: UpdateHost) => host.tree().filter((line) => !line.includes("/setup-calls.jsonl"));

const reloadsOf = (host: UpdateHost) => host.systemctl().filter((line) => /^(reload|try-restart) /.test(line));

describe("a release that fails is taken back", () => {
  test("[core 7.7 setup fails] when its setup step fails half-way", async () => {
    using host = await servingHost(site, { selfSetup: true });
    const before = treeOf(host);
    await expect(host.enroll({ forceVersion: "18.2.0" })).rejects.toMatchObject({
      code: "E_BROKEN_RELEASE",
      message: expect.stringMatching(/^the new version 18\.2\.0 failed: .*setup` failed: exit code 1/),
      hint: expect.stringContaining("--self-setup"),
    });
    expect(treeOf(host)).toEqual(before);
    // systemd read units that are gone by now. The services themselves never left the old release.
    expect(host.systemctl().filter((line) => line === "daemon-reload")).toHaveLength(3);
    expect(reloadsOf(host)).toEqual([]);
  });

  test("and is not blamed for a disk that is full where the units go", async () => {
    using host = await servingHost(site, { selfSetup: true });
    const { freeBytes } = host.world.files;
    host.world.files = { ...host.world.files, freeBytes: (path) => (path.startsWith("/etc") ? 0 : freeBytes(path)) };
    await expect(host.enroll({ forceVersion: "18.2.0" })).rejects.toMatchObject({
      code: "E_NO_SPACE",
      message: expect.stringContaining("/etc/systemd/system"),
    });
  });

  test("[core 7.7 setup fails] when its agent does not start: the old one is reloaded", async () => {
    using host = await servingHost(site, { selfSetup: true });
    host.write("/run/bad-version", "18.1.0");
    const before = treeOf(host);
    await expect(host.enroll({ selfSetup: true })).rejects.toMatchObject({
      code: "E_BROKEN_RELEASE",
      message: expect.stringContaining("the new version 18.1.0 failed: `systemctl try-restart teleport.service`"),
    });
    expect(treeOf(host)).toEqual(before);
    expect(host.systemctl()).toEqual([
      "daemon-reload",
      "reload teleport.service",
      "try-restart teleport.service",
      "daemon-reload",
      "reload teleport.service",
    ]);
    expect(host.world.log.lines).toContain("WARN The host is back as it was before this run.");
  });

  test("[core 7.7 setup fails, already installed] nothing is reloaded", async () => {
    using host = await servingHost(site, { selfSetup: true });
    const before = treeOf(host);
    await expect(host.enroll({ forceVersion: "18.0.0" })).rejects.toMatchObject({ code: "E_BROKEN_RELEASE" });
    expect(treeOf(host)).toEqual(before);
    expect(reloadsOf(host)).toEqual([]);
  });

  test("from a host that had nothing, down to the directories", async () => {
    using host = offlineHost(site);
    host.write(`${NAMESPACE.updaterUnit}/in-the-way`, "");
    const before = host.tree();
    await expect(host.enroll()).rejects.toMatchObject({ code: "E_IRREGULAR_FILE" });
    expect(host.tree()).toEqual(before);
    expect(host.config()).toBeUndefined();
  });

  test("with `--overwrite` too, the files that were moved aside included", async () => {
    using host = await servingHost(site, { selfSetup: true });
    host.files.removeFile("/usr/local/bin/tsh");
    host.write("/usr/local/bin/tsh", "by hand", 0o755);
    host.write(NAMESPACE.tbot.unitFile, "# by hand\n");
    const before = treeOf(host);
    await expect(host.enroll({ overwrite: true, forceVersion: "18.2.0" })).rejects.toMatchObject({
      code: "E_BROKEN_RELEASE",
    });
    expect(treeOf(host)).toEqual(before);
  });

  test("when the run is interrupted at the last moment", async () => {
    const abort = new AbortController();
    using host = await servingHost(site, { selfSetup: true }, { signal: abort.signal });
    const before = treeOf(host);
    const { debug } = host.world.log;
    host.world.log.debug = (message, attributes) => {
      debug(message, attributes);
      if (message.startsWith("Change: link /usr/local/bin/teleport-update")) abort.abort();
    };
    host.files.removeFile("/usr/local/bin/teleport-update");
    await expect(host.enroll()).rejects.toMatchObject({ code: "E_CANCELED" });
    expect(treeOf(host)).toEqual(before.filter((line) => !line.startsWith("/usr/local/bin/teleport-update ")));
  });
});
