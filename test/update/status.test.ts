import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { readStatus, shouldUpdateNow } from "../../src/update/status.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
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
