import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { quickClock } from "../support/quick-clock.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.1.0" });
  site.server.find = advertise("18.1.0");
});
afterAll(() => site[Symbol.asyncDispose]());

const LINKS = "/usr/local/bin";
const SPEC = ["proxy: PROXY", `path: ${LINKS}`, "enabled: true", "pinned: false"];

/** A host with these versions, of which 18.0.0 is the active one and 17.0.0 the backup. */
function hostWith(versions: readonly string[]): UpdateHost {
  const host = offlineHost(site);
  host.setConfig(updateYaml(SPEC, ["active:", "    version: 18.0.0", "backup:", "    version: 17.0.0"]));
  for (const version of versions) {
    host.write(`${NAMESPACE.versions}/${version}/sha256`, "a".repeat(64));
    host.write(`${NAMESPACE.versions}/${version}/bin/teleport`, version, 0o755);
  }
  return host;
}

const versionsOf = (host: UpdateHost) => host.files.list(NAMESPACE.versions);
const warningsOf = (host: UpdateHost) => host.world.log.lines.filter((line) => line.startsWith("WARN "));

describe("a finished move", () => {
  test.each([
    ["keeps the old version as the backup", ["18.0.0"], ["18.0.0", "18.1.0"]],
    ["replaces the old backup", ["17.0.0", "18.0.0"], ["18.0.0", "18.1.0"]],
    ["removes versions that nobody names", ["16.0.0", "18.0.0", "18.0.0_ent"], ["18.0.0", "18.1.0"]],
    ["leaves two versions alone, whatever they are", ["16.0.0"], ["16.0.0", "18.1.0"]],
  ])("%s", async (_, before, after) => {
    using host = hostWith(before);
    await host.enroll();
    expect(versionsOf(host)).toEqual(after);
  });

  test("[inst 8.6 remove linked] drops links that the release has no program for, and keeps what was linked before that", async () => {
    using host = hostWith(["16.0.0", "17.0.0", "18.0.0"]);
    for (const [version, name] of [
      ["16.0.0", "old-tool"],
      ["17.0.0", "older-tool"],
    ] as const) {
      host.write(`${NAMESPACE.versions}/${version}/bin/${name}`, "", 0o755);
      host.link(`${LINKS}/${name}`, `${NAMESPACE.versions}/${version}/bin/${name}`);
    }
    await host.enroll();
    expect(versionsOf(host)).toEqual(["17.0.0", "18.0.0", "18.1.0"]);
    expect(host.files.list(LINKS)).not.toContain("old-tool");
    expect(warningsOf(host)).toContain(
      `WARN An old version is kept: it is still linked. path:${NAMESPACE.versions}/17.0.0 link:${LINKS}/older-tool command:rm ${LINKS}/older-tool`,
    );
  });

  test("keeps what an operator's own links lead into, under whatever name, and says so in one line", async () => {
    using host = hostWith(["15.0.0", "16.0.0", "17.0.0", "18.0.0"]);
    host.link(`${LINKS}/teleport-old`, `${NAMESPACE.versions}/16.0.0/bin/teleport`);
    host.link(`${LINKS}/tsh16`, `${NAMESPACE.versions}/16.0.0/bin/tsh`);
    host.link(`${LINKS}/teleport-17`, `${NAMESPACE.versions}/17.0.0/bin/teleport`);
    host.link(`${LINKS}/updater-of-before`, `${NAMESPACE.updaterCopies}/0.0.1-old/teleport-update`);
    for (const copy of ["0.0.1-old", "0.0.2-old"])
      host.write(`${NAMESPACE.updaterCopies}/${copy}/teleport-update`, copy);
    await host.enroll();
    expect(versionsOf(host)).toEqual(["16.0.0", "17.0.0", "18.0.0", "18.1.0"]);
    expect(host.files.list(NAMESPACE.updaterCopies)).toHaveLength(2);
    expect(host.files.list(NAMESPACE.updaterCopies)).toContain("0.0.1-old");
    const kept = warningsOf(host).filter((line) => line.includes("still linked"));
    expect(kept.map((line) => line.replace(/.* command:/, ""))).toEqual([
      `rm ${LINKS}/teleport-17`,
      `rm ${LINKS}/updater-of-before`,
      `rm ${LINKS}/teleport-old ${LINKS}/tsh16`,
    ]);
  });

  test("keeps what the links of a path lead into that another updater left behind", async () => {
    using host = hostWith(["16.0.0", "18.0.0"]);
    host.setConfig(updateYaml(["proxy: PROXY", "path: /srv/bin", "enabled: true"], ["active:", "    version: 18.0.0"]));
    host.link(`${LINKS}/teleport`, `${NAMESPACE.versions}/16.0.0/bin/teleport`);
    await host.enroll();
    expect(versionsOf(host)).toEqual(["16.0.0", "18.0.0", "18.1.0"]);
    expect(host.files.statFollowed(`${LINKS}/teleport`)).toBeDefined();
  });

  test("removes files that had to make way", async () => {
    using host = hostWith([]);
    host.write(`${LINKS}/tsh`, "by hand", 0o755);
    await host.enroll({ overwrite: true });
    expect(host.files.readLink(`${LINKS}/tsh`)).toBe(`${NAMESPACE.versions}/18.1.0/bin/tsh`);
    expect(host.files.list(LINKS)).toEqual(["fdpass-teleport", "tbot", "tctl", "teleport", "teleport-update", "tsh"]);
  });

  test("removes what a killed run left in staging", async () => {
    using host = hostWith([]);
    host.write(`${NAMESPACE.directory}/.staging-1/release/bin/teleport`, "half");
    await host.enroll();
    expect(host.files.list(NAMESPACE.directory)).not.toContain(".staging-1");
  });

  test("does not fail over an odd folder among the versions, which only keeps versions from going", async () => {
    using host = hostWith(["16.0.0", "18.0.0", "18.0.0_old"]);
    host.write(`${LINKS}/tsh`, "by hand", 0o755);
    host.write(`${NAMESPACE.updaterCopies}/0.0.1-old/teleport-update`, "old");
    await host.enroll({ overwrite: true });
    expect(versionsOf(host)).toEqual(["16.0.0", "18.0.0", "18.0.0_old", "18.1.0"]);
    expect(warningsOf(host)).toContainEqual(expect.stringMatching(/^WARN Unable to clean up\. error:.*"18\.0\.0_old"/));
    expect(host.files.list(LINKS)).not.toContainEqual(expect.stringContaining("replaced"));
    expect(host.files.list(NAMESPACE.updaterCopies)).toHaveLength(1);
  });

  test("does not fail over a version that cannot be removed", async () => {
    using host = hostWith(["16.0.0", "16.1.0", "18.0.0"]);
    const { removeTree } = host.files;
    host.world.files = {
      ...host.files,
      removeTree(path) {
        if (path.endsWith("/16.0.0")) throw new Error(`cannot remove ${path}`);
        removeTree(path);
      },
    };
    await host.enroll();
    expect(versionsOf(host)).toEqual(["16.0.0", "18.0.0", "18.1.0"]);
    expect(warningsOf(host)).toContain(`WARN Unable to clean up. error:cannot remove ${NAMESPACE.versions}/16.0.0`);
    // Its digest went first: a version that is half removed does not count as installed.
    expect(host.files.stat(`${NAMESPACE.versions}/16.0.0/sha256`)).toBeUndefined();
  });
});

describe("the old backup makes room", () => {
  const ARCHIVE = `/teleport-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
  const KEY = "/etc/releases.pem";
  const gone = () => new Response(null, { status: 404 });
  const keptBackup = (host: UpdateHost) => ({
    versions: versionsOf(host),
    isNamed: host.config()?.includes("backup:\n        version: 17.0.0"),
  });
  const WAY_BACK = { versions: ["17.0.0", "18.0.0"], isNamed: true };

  test.each<[string, path: string, string, Partial<EnrollRequest>]>([
    ["has no such version", `${ARCHIVE}.sha256`, "E_CHECKSUM", {}],
    ["has its checksum only", ARCHIVE, "E_DOWNLOAD", {}],
    ["cannot be reached", "", "E_NETWORK", { baseUrl: "https://127.0.0.1:1" }],
    ["has no signature for a trusted key", "", "E_SIGNATURE", { options: { trustedKeys: [KEY] } }],
  ])("not where the CDN %s", async (_, path, code, request) => {
    using host = hostWith(["17.0.0", "18.0.0"]);
    host.write(KEY, makeSigningKey().publicPem);
    host.world.clock = quickClock();
    // Paths of keys are of this machine.
    const trustedKeys = request.options && [join(host.root, KEY)];
    const before = host.config();
    if (path !== "") site.server.respond(path, gone);
    const trying = host.enroll({ ...request, ...(trustedKeys && { options: { trustedKeys } }) });
    await expect(trying.finally(() => site.server.respond(path, undefined))).rejects.toMatchObject({ code });
    expect(keptBackup(host)).toEqual(WAY_BACK);
    expect(host.config()).toBe(before);
  });

  test("not for an `update` to a version that is not there", async () => {
    using host = hostWith(["17.0.0", "18.0.0"]);
    host.setConfig(host.config()?.replace(`path: ${LINKS}`, `path: ${LINKS}\n    base_url: https://PROXY`) ?? "");
    site.server.respond(`${ARCHIVE}.sha256`, gone);
    const trying = host.update();
    await expect(trying.finally(() => site.server.respond(`${ARCHIVE}.sha256`, undefined))).rejects.toThrow();
    expect(keptBackup(host)).toEqual(WAY_BACK);
  });

  test("before the first of it is written, and before the room for it is counted", async () => {
    using host = hostWith(["17.0.0", "18.0.0"]);
    const { freeBytes, removeTree } = host.files;
    const staged: unknown[] = [];
    host.world.files = {
      ...host.files,
      freeBytes: (path) => (versionsOf(host)?.includes("17.0.0") ? 0 : freeBytes(path)),
      removeTree(path) {
        if (path.endsWith("/17.0.0")) {
          staged.push(...(host.files.list(NAMESPACE.directory) ?? []).filter((name) => name.startsWith(".staging")));
          expect(keptBackup(host).isNamed).toBe(false);
        }
        removeTree(path);
      },
    };
    await host.enroll();
    expect(staged).toEqual([]);
    expect(versionsOf(host)).toEqual(["18.0.0", "18.1.0"]);
  });
});

test("looking a host over removes nothing that it may need: target, active version and backup", async () => {
  using host = hostWith(["16.0.0", "17.0.0", "18.0.0"]);
  await host.enroll();
  host.write(`${NAMESPACE.versions}/17.5.0/sha256`, "");
  await host.enroll();
  expect(versionsOf(host)).toEqual(["18.0.0", "18.1.0"]);
});
