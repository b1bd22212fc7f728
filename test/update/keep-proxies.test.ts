import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chownSync } from "node:fs";
import { join } from "node:path";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { describeKeptProxy } from "../../src/update/keep-proxies.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, servingHost, type UpdateHost } from "../support/update-host.ts";

setDefaultTimeout(60_000);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
  site.server.find = advertise("18.0.0");
});
afterAll(() => site[Symbol.asyncDispose]());

const { proxyEnvironment, proxyDropIn, updaterUnit } = NAMESPACE;
const PROXIES = { httpsProxy: "http://user:C4nary@proxy.test:3128", httpProxy: "", noProxy: ".internal" };
const KEEP: Partial<EnrollRequest> = { keepProxies: true, proxies: PROXIES };
const kept = (host: UpdateHost) => host.files.readText(proxyEnvironment, 1 << 16);
const warnings = (host: UpdateHost) => host.world.log.lines.filter((line) => line.startsWith("WARN The timer"));
const BY_OUR_NAME = /^TELEPORT_UPDATE_HTTPS_PROXY="http:\/\/user:C4nary@proxy\.test:3128"$/m;
const BY_PLAIN_NAME = /^HTTPS_PROXY="http:\/\/user:C4nary@proxy\.test:3128"$/m;

describe("what is kept", () => {
  test("[threat no-secrets] stays over enrolments and updates, and is shown without its password", async () => {
    using host = await servingHost(site, KEEP);
    expect(kept(host)).toMatch(BY_OUR_NAME);
    await host.enroll({ forceVersion: "18.0.0", proxies: { ...PROXIES, httpsProxy: "http://other.test" } });
    site.server.find = advertise("18.1.0");
    await host.update();
    site.server.find = advertise("18.0.0");
    expect(kept(host)).toMatch(BY_OUR_NAME);
    expect(host.read(proxyDropIn)).toStartWith("# teleport-update 18.1.0\n");
    expect((await host.status()).proxyEnv).toBe("http://proxy.test:3128");
    expect(host.world.log.lines.filter((line) => line.includes("C4nary"))).toEqual([]);
  });

  test("is replaced as a whole, and goes when that is said", async () => {
    using host = await servingHost(site, KEEP);
    await host.enroll({ ...KEEP, proxies: { ...PROXIES, httpsProxy: "other.test:8080", noProxy: "" } });
    expect(kept(host)).toEndWith('\nTELEPORT_UPDATE_HTTPS_PROXY="other.test:8080"\n');
    await host.enroll({ keepProxies: false });
    expect([kept(host), host.files.stat(proxyDropIn)]).toEqual([undefined, undefined]);
    expect((await host.status()).proxyEnv).toBeUndefined();
  });

  test("has the names that another updater knows once the host is handed over, and ours when it is back", async () => {
    using host = await servingHost(site, KEEP);
    await host.enroll({ handOver: true });
    expect(kept(host)).toMatch(BY_PLAIN_NAME);
    expect(host.files.stat(proxyEnvironment)?.mode).toBe(0o600);
    expect(host.read(proxyDropIn)).toContain(`EnvironmentFile=-${proxyEnvironment}\n`);
    await host.enroll();
    expect(kept(host)).toMatch(BY_OUR_NAME);
    expect(kept(host)).not.toMatch(BY_PLAIN_NAME);
  });

  test("comes back with everything else when an enrolment fails", async () => {
    using host = await servingHost(site, KEEP);
    const tree = () => host.tree().filter((line) => !line.includes("/setup-calls.jsonl "));
    const before = tree();
    host.write("/run/bad-version", "18.1.0");
    const other = { ...KEEP, proxies: { ...PROXIES, httpsProxy: "http://other.test" } };
    for (const request of [other, { keepProxies: false }, { handOver: true }]) {
      await expect(host.enroll({ ...request, forceVersion: "18.1.0" })).rejects.toMatchObject({
        code: "E_BROKEN_RELEASE",
      });
      host.files.removeFile("/run/bad-version");
      expect(tree()).toEqual(before);
      host.write("/run/bad-version", "18.1.0");
    }
  });

  test("goes with the rest when the updater is uninstalled", async () => {
    using host = await servingHost(site, KEEP);
    for (const { unit } of [NAMESPACE.teleport, NAMESPACE.tbot]) host.files.removeFile(`/run/units/${unit}.active`);
    await uninstall(host.world, { namespace: NAMESPACE, force: true });
    expect([kept(host), host.files.stat(proxyDropIn)]).toEqual([undefined, undefined]);
  });

  test("is written for a host that does not run as well", async () => {
    using host = offlineHost(site);
    await host.enroll(KEEP);
    expect(kept(host)).toMatch(BY_OUR_NAME);
    expect(host.read(proxyDropIn)).toContain(`EnvironmentFile=-${proxyEnvironment}\n`);
  });
});

describe("nothing is changed", () => {
  test.each<[string, Partial<EnrollRequest>, string, string]>([
    [
      "without sudo",
      {},
      "neither `HTTPS_PROXY` nor `HTTP_PROXY` is set",
      "run `HTTPS_PROXY=http://proxy.example.com:3128 teleport-update enable --proxy-env`",
    ],
    [
      "under sudo",
      { viaSudo: true, proxies: { ...PROXIES, httpsProxy: "" } },
      "neither `HTTPS_PROXY` nor `HTTP_PROXY` is set, and sudo drops them unless it is told to keep them",
      "run `sudo --preserve-env=HTTPS_PROXY,NO_PROXY teleport-update enable --proxy-env`, or `sudo HTTPS_PROXY=http://proxy.example.com:3128 teleport-update enable --proxy-env`",
    ],
  ])("when there is no proxy to keep: %s", async (_, request, message, hint) => {
    using host = offlineHost(site);
    await expect(host.enroll({ keepProxies: true, ...request })).rejects.toMatchObject({
      code: "E_NO_PROXY_ENV",
      message,
      hint,
    });
    expect(host.snapshot()).toEqual({});
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
  });

  test.each([
    { ...PROXIES, httpsProxy: "socks5://proxy.test" },
    { ...PROXIES, httpProxy: "http://:x" },
    { ...PROXIES, noProxy: "a\nb" },
  ])("when a proxy cannot be used: %j", async (proxies) => {
    using host = offlineHost(site);
    await expect(host.enroll({ ...KEEP, proxies })).rejects.toMatchObject({ code: "E_CONNECT_PROXY" });
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
  });
});

describe("a proxy that the timer will not see", () => {
  test.each<[Partial<EnrollRequest>, string]>([
    [{}, "HTTPS_PROXY=ADDRESS NO_PROXY=HOSTS teleport-update enable --proxy-env"],
    [{ viaSudo: true }, "sudo HTTPS_PROXY=ADDRESS NO_PROXY=HOSTS teleport-update enable --proxy-env"],
    [{ command: "pin" }, "HTTPS_PROXY=ADDRESS NO_PROXY=HOSTS teleport-update pin --force-version 18.0.0 --proxy-env"],
  ])("is told of after a success, with the command that keeps it: %j", async (request, command) => {
    using host = await servingHost(site, { ...request, proxies: PROXIES });
    expect(warnings(host)).toEqual([
      `WARN The timer does not know the CONNECT proxy that this command was started with, and may not get through. command:${command}`,
    ]);
  });

  test.each<[string, Partial<EnrollRequest>, string]>([
    ["there is none", {}, ""],
    ["it is kept", KEEP, ""],
    ["an operator gives the unit one", { proxies: PROXIES }, "[Service]\nEnvironment=HTTPS_PROXY=http://p\n"],
  ])("is not told of when %s", async (_, request, override) => {
    using host = offlineHost(site);
    host.write(`${updaterUnit}.d/override.conf`, override);
    await host.enroll(request);
    expect(warnings(host)).toEqual([]);
  });
});

test("what may not be read is not shown, and hides nothing else", () => {
  using host = offlineHost(site);
  host.write(proxyEnvironment, 'HTTPS_PROXY="http://user:C4nary@p"\n', 0o600);
  chownSync(join(host.root, proxyEnvironment), 65_534, 65_534);
  expect(describeKeptProxy(host.files, NAMESPACE)).toBe(
    `kept, but not shown: \`${join(host.root, proxyEnvironment)}\` may have been planted: it belongs to the user 65534`,
  );
});
