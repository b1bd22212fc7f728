import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { advertise } from "../support/proxy-and-cdn.ts";
import type { MadeRelease } from "../support/release-maker.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

const key = makeSigningKey();

let site: Site;
let release: MadeRelease;
beforeAll(async () => {
  site = await startSite();
  release = await site.release({ version: "18.1.0" });
  key.sign(release);
  site.server.find = advertise("18.1.0");
});
afterAll(() => site[Symbol.asyncDispose]());

/** A host with a stick on which lie these files of the release, by what follows the archive's name. */
function hostWithStick(...endings: string[]): UpdateHost & { stick: string; archive: string } {
  const host = offlineHost(site);
  const stick = join(host.root, "media/stick");
  mkdirSync(stick, { recursive: true });
  for (const ending of endings) copyFileSync(`${release.archive}${ending}`, join(stick, release.fileName + ending));
  site.takeRequests();
  return Object.assign(host, { stick, archive: join(stick, basename(release.archive)) });
}

describe("a release that was carried by hand", () => {
  test.each(["stick", "archive"] as const)("in a folder or as a file: the %s", async (place) => {
    using host = hostWithStick("", ".sha256");
    await host.enroll({ from: host[place] });
    expect(site.takeRequests()).toEqual(["/webapi/find?group=default"]);
    expect(host.files.list(NAMESPACE.versions)).toEqual(["18.1.0"]);
    expect(host.read(`${NAMESPACE.versions}/18.1.0/proof.json`)).toContain(`"place": "${host.archive}"`);
    expect(host.config()).toContain("base_url: https://PROXY\n");
  });

  test("has to prove the same", async () => {
    using host = hostWithStick("", ".sha256");
    host.write("/etc/key.pem", key.publicPem);
    const options = { trustedKeys: [`${host.root}/etc/key.pem`] };
    await expect(host.enroll({ from: host.stick, options })).rejects.toMatchObject({
      code: "E_SIGNATURE",
      message: expect.stringContaining(`${host.archive}.sig`),
    });
    copyFileSync(`${release.archive}.sig`, `${host.archive}.sig`);
    await host.enroll({ from: host.stick, options });
    expect((await host.status()).proof?.by).toBe("signature");
  });

  test("needs no checksum when its digest is pinned", async () => {
    using host = hostWithStick("");
    await host.enroll({ from: host.stick, digest: release.sha256 });
    expect((await host.status()).proof?.by).toBe("pinned digest");
  });
});

describe("is refused, and nothing of it is kept", () => {
  test.each<[string, string[], (host: ReturnType<typeof hostWithStick>) => string, string, string]>([
    ["without a checksum", [""], ({ stick }) => stick, "E_CHECKSUM", "checksum not found"],
    ["without the archive", [".sha256"], ({ stick }) => stick, "E_DOWNLOAD", "the release is not there"],
    ["nothing there at all", [], ({ stick }) => `${stick}/missing`, "E_DOWNLOAD", "there is no file or folder"],
    [
      "under another name",
      ["", ".sha256"],
      ({ stick, archive }) => {
        renameSync(archive, join(stick, "teleport.tar.gz"));
        return join(stick, "teleport.tar.gz");
      },
      "E_DOWNLOAD",
      "is not the release that is wanted",
    ],
    [
      "with a byte changed",
      ["", ".sha256"],
      ({ stick, archive }) => {
        Bun.spawnSync(["dd", `of=${archive}`, "conv=notrunc", "bs=1", "seek=2000", "count=1", "if=/dev/zero"]);
        return stick;
      },
      "E_CHECKSUM",
      "was published for it",
    ],
  ])("%s", async (_, files, from, code, message) => {
    using host = hostWithStick(...files);
    await expect(host.enroll({ from: from(host) })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(host.files.list(NAMESPACE.versions)).toEqual([]);
    expect(host.config()).toBeUndefined();
  });
});
