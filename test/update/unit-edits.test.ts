import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readUnitRecord } from "../../src/host/unit-record.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost, servingHost, type UpdateHost } from "../support/update-host.ts";

const UNIT = NAMESPACE.teleport.unitFile;
const OWN_DROP_IN = "/etc/systemd/system/teleport.service.d/10-ours.conf";
const EDIT = "Environment=EDITED=yes\n";

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
  await site.release({ version: "18.1.0" });
  await site.release({ version: "18.2.0", updater: "failing" });
});
afterAll(() => site[Symbol.asyncDispose]());

function edit(host: UpdateHost, path = UNIT): string {
  const edited = host.read(path) + EDIT;
  host.write(path, edited);
  return edited;
}

const copies = (host: UpdateHost) => Object.entries(host.snapshot()).filter(([path]) => path.includes(".edited-"));
const warnings = (host: UpdateHost) => host.world.log.lines.splice(0).filter((line) => line.includes("WARN"));
const aboutEdits = (host: UpdateHost) =>
  warnings(host).filter((line) => /changed by hand|drop-in|WARN [-+] /.test(line));

describe("a unit that an operator edited", () => {
  test.each([
    ["the release's setup", {}],
    ["our own setup", { selfSetup: true }],
  ])("is kept beside the new one, and its change is told: %s", async (_, request) => {
    using host = await servingHost(site, request);
    const edited = edit(host);
    host.files.setMode(UNIT, 0o640);
    host.world.log.lines.splice(0);
    await host.enroll({ ...request, forceVersion: "18.1.0" });

    const [[path, text] = ["", ""], ...more] = copies(host);
    expect(more).toEqual([]);
    expect(path).toMatch(/^\/lib\/systemd\/system\/teleport\.service\.edited-\d{8}T\d{6}Z$/);
    expect(text).toBe(edited);
    expect(host.files.stat(path)?.mode).toBe(0o640);
    expect(host.read(UNIT)).not.toContain(EDIT);
    expect(aboutEdits(host)).toEqual([
      expect.stringMatching(new RegExp(`changed by hand .* path:${UNIT} kept:${path}$`)),
      `WARN - ${EDIT.trim()}`,
      expect.stringMatching(/drop-in .* command:systemctl edit teleport\.service$/),
    ]);

    await host.enroll({ ...request, forceVersion: "18.0.0" });
    expect(aboutEdits(host)).toEqual([]);
    expect(copies(host)).toHaveLength(1);
  });

  test("is kept on a host that does not run, and when the same version is enrolled again", async () => {
    using host = offlineHost(site);
    await host.enroll({ forceVersion: "18.0.0" });
    const edited = [UNIT, NAMESPACE.updaterTimer, NAMESPACE.teleportDropIn].map((path) => edit(host, path));
    await host.enroll({ forceVersion: "18.0.0" });
    expect(copies(host).map(([, text]) => text)).toEqual(expect.arrayContaining(edited));
    expect(copies(host)).toHaveLength(3);
  });

  test("stays what it is, without a copy or a word, when the release fails", async () => {
    using host = await servingHost(site);
    const edited = edit(host);
    warnings(host);
    await expect(host.enroll({ forceVersion: "18.2.0" })).rejects.toMatchObject({ code: "E_BROKEN_RELEASE" });
    expect(host.read(UNIT)).toBe(edited);
    expect(copies(host)).toEqual([]);
    expect(aboutEdits(host)).toEqual([]);
    await host.enroll({ forceVersion: "18.1.0" });
    expect(copies(host)).toHaveLength(1);
  });

  test("is no loss when it reads as the setup would write it", async () => {
    using host = await servingHost(site);
    await host.enroll({ forceVersion: "18.1.0", selfSetup: true });
    const text = host.read(UNIT);
    await host.enroll({ forceVersion: "18.0.0" });
    host.write(UNIT, text.replace("18.1.0", "18.0.0"));
    warnings(host);
    await host.enroll({ forceVersion: "18.1.0", selfSetup: true });
    expect(host.read(UNIT)).toBe(text);
    expect(copies(host)).toEqual([]);
    expect(aboutEdits(host)).toEqual([]);
  });

  test("is not known as such without a record, and is from the next run on", async () => {
    using host = await servingHost(site);
    host.files.removeFile(NAMESPACE.unitRecord);
    edit(host);
    await host.enroll({ forceVersion: "18.1.0" });
    expect(copies(host)).toEqual([]);
    expect(readUnitRecord(host.files, NAMESPACE)?.revisionName).toBe("18.1.0");
    edit(host);
    await host.enroll({ forceVersion: "18.0.0" });
    expect(copies(host)).toHaveLength(1);
  });

  test("of the bot without a marker is kept when `--overwrite` takes it", async () => {
    using host = runningHost(site);
    host.write(NAMESPACE.tbot.unitFile, "[Service]\nExecStart=/usr/bin/tbot start\n");
    await host.enroll({ forceVersion: "18.0.0" });
    expect(copies(host)).toEqual([]);
    await host.enroll({ forceVersion: "18.0.0", overwrite: true });
    expect(copies(host).map(([, text]) => text)).toEqual(["[Service]\nExecStart=/usr/bin/tbot start\n"]);
  });
});

describe("no false alarm", () => {
  test("about a host that another updater took over, at the same revision or a later one", async () => {
    for (const version of ["18.0.0", "18.1.0"]) {
      using host = await servingHost(site, { selfSetup: true });
      host.link("/usr/local/bin/teleport-update", `${NAMESPACE.versions}/${version}/bin/teleport-update`);
      for (const path of [UNIT, NAMESPACE.tbot.unitFile, NAMESPACE.updaterUnit, NAMESPACE.updaterTimer]) {
        host.write(
          path,
          `# teleport-update ${version}\n# upstream's words\n\n${host.read(path).split("\n\n").slice(1).join("\n\n")}`,
        );
      }
      warnings(host);
      await host.enroll({ forceVersion: "18.0.0", selfSetup: true });
      expect(aboutEdits(host)).toEqual([]);
      expect(copies(host)).toEqual([]);
    }
  });

  test("about moves from the setup of releases to our own and back", async () => {
    using host = await servingHost(site);
    await host.enroll({ forceVersion: "18.1.0", selfSetup: true });
    await host.enroll({ forceVersion: "18.1.0" });
    await host.enroll({ forceVersion: "18.0.0", selfSetup: true });
    expect(aboutEdits(host)).toEqual([]);
    expect(copies(host)).toEqual([]);
  });
});

test("a drop-in of the operator's own is not touched", async () => {
  using host = await servingHost(site);
  host.write(OWN_DROP_IN, "[Service]\nUser=teleport\n", 0o600);
  const { ino, mtimeMs } = await Bun.file(host.root + OWN_DROP_IN).stat();
  await host.enroll({ forceVersion: "18.1.0" });
  await expect(host.enroll({ forceVersion: "18.2.0" })).rejects.toMatchObject({ code: "E_BROKEN_RELEASE" });
  expect(host.read(OWN_DROP_IN)).toBe("[Service]\nUser=teleport\n");
  expect(await Bun.file(host.root + OWN_DROP_IN).stat()).toMatchObject({ ino, mtimeMs });
});
