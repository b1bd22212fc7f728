import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { readStatus, shouldUpdateNow } from "../../src/update/status.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => {
  site.server.find = advertise("18.1.0", { jitterSeconds: 60, inWindow: false });
  site.takeRequests();
});

const ID = "2c652f3c-ae11-5e5a-ba40-73cba91149cd";
const SPEC = ["proxy: PROXY", "path: /usr/local/bin", "group: blue", "enabled: false", "pinned: true"];
const STATUS = ["id_file: /tmp/teleport-update.id", "active:", "    version: 18.0.0"];

const status = (host: UpdateHost) => readStatus(host.world, { namespace: NAMESPACE, insecure: false });

describe("readStatus", () => {
  test("tells settings, versions and the cluster's wish, and writes nothing", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, STATUS));
    host.write("/tmp/teleport-update.id", `${ID}\n`);
    const before = host.snapshot();
    expect(await status(host)).toMatchObject({
      spec: { group: "blue", enabled: false, pinned: true },
      status: { active: revision("18.0.0") },
      answer: { target: revision("18.1.0"), inWindow: false, jitterSeconds: 60, agpl: false },
      id: ID,
    });
    expect(host.snapshot()).toEqual(before);
    expect(site.takeRequests()).toEqual([`/webapi/find?group=blue&update_id=${ID}`]);
  });

  test("computes no id: that of the host stays unknown until the agent has written it", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, STATUS));
    host.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    expect((await status(host)).id).toBe("");
    expect(site.takeRequests()).toEqual(["/webapi/find?group=blue"]);
  });

  test("needs an installation, and says how to make one", async () => {
    using host = offlineHost(site);
    await expect(status(host)).rejects.toMatchObject({
      code: "E_NOT_INSTALLED",
      message: "this host is not enrolled",
      hint: expect.stringContaining("teleport-update enable --proxy"),
    });
    await expect(readStatus(host.world, { namespace: namespaceFor("blue"), insecure: false })).rejects.toMatchObject({
      message: "this host is not enrolled with the suffix `blue`",
      hint: expect.stringContaining("teleport-update enable -i blue --proxy ADDRESS"),
    });
    expect(host.snapshot()).toEqual({});
    expect(site.takeRequests()).toEqual([]);
  });

  test("refuses an insecure base URL", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml([...SPEC, "base_url: http://mirror.test"], STATUS));
    await expect(status(host)).rejects.toMatchObject({ code: "E_BASE_URL" });
    expect(site.takeRequests()).toEqual([]);
  });

  test.each([
    ["enable", "pinned: false"],
    ["pin --force-version 18.0.0", "pinned: true"],
  ])(
    "warns of an active version that is gone, as `update` does, with `%s` to bring it back",
    async (command, pinned) => {
      using host = offlineHost(site);
      const spec = ["proxy: PROXY", "path: /usr/local/bin", "enabled: true", pinned];
      host.setConfig(updateYaml(spec, STATUS));
      const directory = `${NAMESPACE.versions}/18.0.0`;
      const lost = () => host.world.log.lines.splice(0).filter((line) => line.includes("is not on the disk"));
      const warning = `WARN The active version is not on the disk: what is linked leads nowhere. active_version:18.0.0 path:${directory} command:teleport-update ${command}`;
      await status(host);
      expect(lost()).toEqual([warning]);
      site.server.find = advertise("18.0.0");
      await host.update();
      expect(lost()).toEqual([warning]);
      host.files.makeDirectory(directory);
      await status(host);
      await host.update();
      expect(lost()).toEqual([]);
    },
  );

  test("warns of a trusted key that is gone, before an update fails over it", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, STATUS));
    host.write(NAMESPACE.options, "version: v1\nkind: updater_options\ntrusted_keys:\n  - /etc/releases.pem\n");
    const warnings = () => host.world.log.lines.splice(0).filter((line) => line.startsWith("WARN A trusted key"));
    await status(host);
    expect(warnings()).toEqual([
      expect.stringMatching(
        /^WARN A trusted key cannot be read, and without it no update goes on\. error:the trusted key `.*\/etc\/releases\.pem` does not exist hint:restore the file/,
      ),
    ]);
    host.write("/etc/releases.pem", makeSigningKey().publicPem);
    await status(host);
    expect(warnings()).toEqual([]);
  });

  test.if(process.geteuid?.() === 0)("says nothing of a key that only root may read, to who is not root", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, []));
    host.write(NAMESPACE.options, "version: v1\nkind: updater_options\ntrusted_keys:\n  - /etc/releases.pem\n");
    host.write("/etc/releases.pem", makeSigningKey().publicPem, 0o600);
    chmodSync(host.root, 0o755);
    const { seteuid } = process;
    if (seteuid === undefined) throw new Error("Only Linux is meant.");
    seteuid(65_534);
    try {
      await status(host);
    } finally {
      seteuid(0);
    }
    expect(host.world.log.lines.filter((line) => line.includes("key"))).toEqual([]);
  });

  test("tells what it knows when the proxy fails, and why", async () => {
    using host = offlineHost(site);
    host.setConfig(updateYaml(SPEC, STATUS));
    const { failure: none, ...answered } = await status(host);
    expect(none).toBeUndefined();
    site.server.respond("/webapi/find", () => new Response("<html>", { headers: { "content-type": "text/html" } }));
    const { failure, ...report } = await status(host);
    site.server.respond("/webapi/find", undefined);
    expect(failure?.code).toBe("E_FIND");
    expect(report).toEqual({ ...answered, answer: undefined });
    expect(shouldUpdateNow(report)).toBe(false);
  });
});
