import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, chmodSync, rmSync } from "node:fs";
import { formatReports, hasDamage, verifyInstalled } from "../../src/update/verify.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, NO_IMAGE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
});
afterAll(() => site[Symbol.asyncDispose]());

/** A host at 18.1.0, with 18.0.0 as backup. */
async function movedHost(): Promise<UpdateHost> {
  const host = offlineHost(site);
  for (const version of ["18.0.0", "18.1.0"]) {
    site.server.find = advertise(version);
    await host.enroll();
  }
  return host;
}

const placeOf = (version: string) => `${NAMESPACE.versions}/${version}`;
const archiveOf = (version: string) => `/teleport-v${version}-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
const told = async ({ world }: UpdateHost) => formatReports(await verifyInstalled(world, NAMESPACE)).split("\n");

describe("what is installed", () => {
  test("is as it was installed, by what it was accepted", async () => {
    using host = await movedHost();
    expect(await told(host)).toEqual([
      expect.stringMatching(/^18\.0\.0 \(backup\): as it was installed, \d+ files, accepted by its checksum$/),
      expect.stringMatching(/^18\.1\.0 \(active\): as it was installed, \d+ files, accepted by its checksum$/),
    ]);
  });

  test("is nothing yet in an image that was made offline, which is enrolled all the same", async () => {
    using host = offlineHost(site);
    await expect(told(host)).rejects.toMatchObject({
      code: "E_NOT_INSTALLED",
      hint: expect.stringContaining("teleport-update enable"),
    });
    await host.enroll({ image: { ...NO_IMAGE, isOffline: true } });
    await expect(told(host)).rejects.toMatchObject({
      code: "E_NOT_INSTALLED",
      message: expect.stringContaining("no version is installed yet"),
      hint: expect.not.stringContaining("enable"),
    });
  });

  test("is missed where it should be, also when all is gone", async () => {
    using host = await movedHost();
    rmSync(`${host.root}${placeOf("18.1.0")}`, { recursive: true });
    expect(await told(host)).toEqual([
      expect.stringMatching(/^18\.0\.0 \(backup\): as/),
      "18.1.0 (active): DAMAGED",
      "    it is not there",
    ]);
    rmSync(`${host.root}${placeOf("18.0.0")}`, { recursive: true });
    expect(hasDamage(await verifyInstalled(host.world, NAMESPACE))).toBe(true);
  });

  test("is no other updater's when only its list is gone", async () => {
    using host = await movedHost();
    rmSync(`${host.root}${placeOf("18.1.0")}/files.sha256`);
    expect(await told(host)).toContain("    `files.sha256` is missing");
  });

  test("is named file by file where it is damaged", async () => {
    using host = await movedHost();
    const active = `${host.root}${placeOf("18.1.0")}`;
    appendFileSync(`${active}/bin/tsh`, "x");
    rmSync(`${active}/bin/tctl`);
    host.write(`${placeOf("18.1.0")}/bin/added`, "");
    chmodSync(`${active}/bin/tbot`, 0o777);
    const lines = await told(host);
    expect(lines).toContain("18.1.0 (active): DAMAGED, accepted by its checksum");
    for (const problem of [
      "`bin/tsh` was changed",
      "`bin/tctl` is missing",
      '"bin/added" did not come',
      "`bin/tbot` may be written by others",
    ])
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^ {4}${problem}`)));
    expect(hasDamage(await verifyInstalled(host.world, NAMESPACE))).toBe(true);
  });

  test("by another updater is not known, and no damage", async () => {
    using host = await movedHost();
    for (const name of ["files.sha256", "proof.json"]) rmSync(`${host.root}${placeOf("18.0.0")}/${name}`);
    expect(await told(host)).toContain(
      "18.0.0 (backup): not known, as another updater installed it and kept no digests",
    );
    expect(hasDamage(await verifyInstalled(host.world, NAMESPACE))).toBe(false);
  });

  test("is nothing at all", async () => {
    using host = offlineHost(site);
    await expect(verifyInstalled(host.world, NAMESPACE)).rejects.toMatchObject({ code: "E_NOT_INSTALLED" });
  });
});

describe("going back to a backup", () => {
  test("that is whole fetches nothing but its checksum", async () => {
    using host = await movedHost();
    site.server.find = advertise("18.0.0");
    site.takeRequests();
    await host.update();
    expect(site.takeRequests()).toEqual(["/webapi/find?group=default", `${archiveOf("18.0.0")}.sha256`]);
  });

  test("that is damaged never links to it: it is fetched anew", async () => {
    using host = await movedHost();
    appendFileSync(`${host.root}${placeOf("18.0.0")}/bin/teleport`, "x");
    site.server.find = advertise("18.0.0");
    site.takeRequests();
    await host.update();
    expect(site.takeRequests()).toContain(archiveOf("18.0.0"));
    expect(host.world.log.lines).toContainEqual(expect.stringContaining("WARN The installed copy is damaged."));
    expect(hasDamage(await verifyInstalled(host.world, NAMESPACE))).toBe(false);
    expect(host.files.readLink("/usr/local/bin/teleport")).toBe(`${placeOf("18.0.0")}/bin/teleport`);
  });
});
