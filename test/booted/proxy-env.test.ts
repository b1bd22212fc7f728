import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { proxyDropIn } from "../../src/host/unit-files.ts";
import type { ProxyEnvironment } from "../../src/platform/connect-proxy.ts";
import { formatKeptProxies } from "../../src/settings/kept-proxies.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import type { Suite } from "../support/base-image.ts";
import { type BootedHost, bootHost } from "../support/booted-host.ts";
import { makeAuthority } from "../support/certificates.ts";
import { createNetworkNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { OPENING_AUTHORITY, type Squid, startSquid } from "./support/squid.ts";
import { runTimer, timerHeldBack, UPDATER_UNIT } from "./support/timer-run.ts";
import { bootUpdaterHost, messages, UPDATER, type UpdaterHost } from "./support/updater-host.ts";

const [OLD, NEW] = ["18.1.0", "18.2.0"];
/** Only squid knows where it is. */
const NAME = "cluster.test";
const SECRET = "C4naryPassw0rd";
const { proxyEnvironment, proxyDropIn: dropIn } = namespaceFor("");
const OVERRIDE = dropIn.replace(/[^/]+$/, "override.conf");

const activeVersion = async (host: UpdaterHost) =>
  /active:\n +version: (\S+)/.exec(await host.readFile("/opt/teleport/default/update.yaml"))?.[1];

/** Runs `action`, and answers what a squid noted meanwhile, once per destination. */
async function notedDuring<T>(squid: Squid, action: () => Promise<T>): Promise<{ result: T; noted: string[] }> {
  const since = Date.now();
  const result = await action();
  // A tunnel is noted when it is closed.
  await eventually("squid has noted something", async () => squid.noted(since).length > 0);
  return { result, noted: [...new Set(squid.noted(since))] };
}

describe("a timer on a host with no route but a forward proxy with a password", () => {
  let network: NetworkNamespace;
  let squid: Squid;
  let other: Squid;
  let host: UpdaterHost;
  let cluster: Cluster;
  let enable: string[];
  let env: Record<string, string>;

  beforeAll(async () => {
    const authority = await makeAuthority();
    network = await createNetworkNamespace();
    squid = await startSquid(network.testAddress, { [NAME]: "127.0.0.1" }, { credentials: `user:${SECRET}` });
    other = await startSquid(network.testAddress, { [NAME]: "127.0.0.1" }, { port: 23129 });
    cluster = await startCluster([{ version: OLD }, { version: NEW }], { certificates: await authority.issue([NAME]) });
    host = await bootUpdaterHost(authority.ca, { network, files: timerHeldBack() });
    const { port } = new URL(cluster.baseUrl);
    enable = ["enable", "--proxy", `${NAME}:${port}`, "--base-url", `https://${NAME}:${port}`];
    env = { HTTPS_PROXY: squid.url };
  }, 300_000);
  afterAll(async () => {
    for (const part of [host, cluster, other, squid, network]) await part?.[Symbol.asyncDispose]();
  });

  const tunnel = () => `CONNECT ${NAME}:${new URL(cluster.baseUrl).port} 200`;

  test("is enrolled with `--proxy-env` only by who was started with a proxy, and nothing is made before that is clear", async () => {
    const before = host.footprint();
    const bare = await host.updater([...enable, "--proxy-env"], { env: { SUDO_UID: "1000" } });
    expect(bare).toMatchObject({ exitCode: 1, code: "E_NO_PROXY_ENV" });
    expect(bare.log.at(-1)?.["hint"]).toContain("`sudo --preserve-env=HTTPS_PROXY,NO_PROXY teleport-update enable");
    expect(host.footprint()).toEqual(before);
  });

  test("does not get through when the proxy was not kept, and `enable` has said so", async () => {
    const outcome = await host.succeed(enable, { env });
    expect(messages(outcome, "warn")).toContainEqual(expect.stringContaining("The timer does not know the CONNECT"));
    cluster.find = advertise(NEW);
    expect(await runTimer(host)).toMatchObject({ exitCode: 1, code: "E_NETWORK" });
  });

  test("[threat no-secrets] goes through the proxy that was kept, whose password is shown to nobody", async () => {
    const outcome = await host.succeed([...enable, "--force-version", OLD, "--proxy-env"], { env });
    expect(messages(outcome, "warn")).not.toContainEqual(expect.stringContaining("The timer does not know"));
    const { result, noted } = await notedDuring(squid, () => runTimer(host));
    expect(result).toMatchObject({ exitCode: 0, result: "success" });
    expect(noted).toEqual([tunnel()]);
    expect(await activeVersion(host)).toBe(NEW);

    expect(await host.ask("stat", "--format=%a %U:%G", proxyEnvironment)).toBe("600 root:root");
    expect(await host.readFile(proxyEnvironment)).toContain(SECRET);
    const shown = await host.ask("systemctl", "show", "--all", UPDATER_UNIT);
    expect(shown).toContain(`EnvironmentFiles=${proxyEnvironment} (ignore_errors=yes)`);
    expect(shown).not.toContain(SECRET);
    expect(await host.ask("journalctl", "--output=export")).not.toContain(SECRET);
    expect(await host.ask("sh", "-c", `grep -rl ${SECRET} /opt /etc /var/lib`)).toBe(proxyEnvironment);
  });

  test("`status` names the proxy without its password, and to others than root says that it is kept", async () => {
    const address = new URL(squid.url).host;
    expect((await host.succeed(["status"], { env })).stdout).toEndWith(`\nproxy_env: http://${address}\n`);
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", UPDATER, "status"];
    const { stdout } = await host.exec(asNobody, { env });
    expect(stdout).toContain("\nproxy_env: 'kept, but not shown: ");
    expect(stdout).not.toContain(SECRET);
  });

  test("is asked about by hand with what a shell reads from the file", async () => {
    const script = `set -a; . ${proxyEnvironment}; exec ${UPDATER} status`;
    expect((await host.exec(["sh", "-c", script])).stdout).toContain(`active:\n    version: ${NEW}\n`);
  });

  test("goes through the proxy of an operator's `override.conf` instead, and through none when that is empty", async () => {
    const since = Date.now();
    await host.writeFile(OVERRIDE, `[Service]\nEnvironment=HTTPS_PROXY=${other.url}\n`);
    await host.ask("systemctl", "daemon-reload");
    cluster.find = advertise(OLD);
    const { result, noted } = await notedDuring(other, () => runTimer(host));
    expect(result).toMatchObject({ exitCode: 0, result: "success" });
    expect(noted).toEqual([tunnel()]);
    expect(await activeVersion(host)).toBe(OLD);

    await host.writeFile(OVERRIDE, "[Service]\nEnvironment=HTTPS_PROXY=\n");
    await host.ask("systemctl", "daemon-reload");
    expect(await runTimer(host)).toMatchObject({ exitCode: 1, code: "E_NETWORK" });
    expect(squid.noted(since)).toEqual([]);
    await host.ask("rm", OVERRIDE);
    await host.ask("systemctl", "daemon-reload");
  });

  test("goes through none again after `--no-proxy-env`", async () => {
    expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
    await host.succeed([...enable, "--no-proxy-env"], { env });
    expect(await host.ask("find", "/opt/teleport", "/etc/systemd/system", "-name", "*proxy*")).toBe("");
    expect(await runTimer(host)).toMatchObject({ exitCode: 1, code: "E_NETWORK" });
  });

  test("the logs of both proxies have tunnels to the cluster, and nothing else", async () => {
    for (const proxy of [squid, other]) expect(new Set(await proxy.accessLog())).toEqual(new Set([tunnel()]));
  });
});

describe("behind a proxy that opens TLS", () => {
  let network: NetworkNamespace;
  let squid: Squid;
  let host: UpdaterHost;
  let cluster: Cluster;

  beforeAll(async () => {
    const authority = await makeAuthority();
    network = await createNetworkNamespace();
    squid = await startSquid(network.testAddress, { [NAME]: "127.0.0.1" }, { opensTls: authority.ca });
    cluster = await startCluster([{ version: OLD }, { version: NEW }], { certificates: await authority.issue([NAME]) });
    host = await bootUpdaterHost(authority.ca, {
      network,
      files: { ...timerHeldBack(), "/etc/opening-proxy.pem": squid.ca },
    });
  }, 300_000);
  afterAll(async () => {
    for (const part of [host, cluster, squid, network]) await part?.[Symbol.asyncDispose]();
  });

  test("an enrolment fails and names the authority that it met; with that one's certificate it works, for the timer too", async () => {
    const { port } = new URL(cluster.baseUrl);
    const enable = ["enable", "--proxy", `${NAME}:${port}`, "--base-url", `https://${NAME}:${port}`, "--proxy-env"];
    const env = { HTTPS_PROXY: squid.url };
    const refused = await host.updater(enable, { env });
    expect(refused).toMatchObject({ exitCode: 1, code: "E_TLS" });
    expect(refused.log.at(-1)?.["error"]).toContain(OPENING_AUTHORITY);
    expect(refused.log.at(-1)?.["hint"]).toContain("--ca-file");
    expect(cluster.requests).toEqual([]);

    await host.succeed([...enable, "--ca-file", "/etc/opening-proxy.pem"], { env });
    cluster.find = advertise(NEW);
    expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
    expect(await activeVersion(host)).toBe(NEW);
    const log = await squid.accessLog();
    expect(log).toContain(`CONNECT ${NAME}:${port} 200`);
    // What squid saw inside the tunnel.
    expect(log.filter((line) => line.startsWith(`GET https://${NAME}:${port}/`)).length).toBeGreaterThan(2);
  }, 120_000);
});

describe.each<Suite>(["bullseye", "bookworm", "trixie"])("systemd of %s", (suite) => {
  let host: BootedHost;
  beforeAll(async () => {
    host = await bootHost({ suite });
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  const SERVICE = "/etc/systemd/system/shown.service";

  /** Installs a unit that writes down its environment, with our drop-in for an install directory beside it. */
  async function install(installDirectory = "") {
    const namespace = namespaceFor("", installDirectory);
    const inputs = { namespace, revision: revision(OLD), path: "" };
    await host.writeFile(SERVICE, '[Service]\nType=oneshot\nExecStart=/bin/sh -c "env -0 >/srv/shown"\n');
    await host.writeFile(`${SERVICE}.d/05-proxy.conf`, proxyDropIn(inputs));
    expect((await host.exec(["systemctl", "daemon-reload"])).exitCode).toBe(0);
    return namespace;
  }

  async function environmentWith(path: string, text: string): Promise<Record<string, string>> {
    await host.writeFile(path, { content: text, mode: 0o600 });
    expect(await host.exec(["systemctl", "start", "shown.service"])).toMatchObject({ exitCode: 0, stderr: "" });
    const shown = (await host.readFile("/srv/shown")).split("\0").filter((line) => line.includes("PROXY="));
    return Object.fromEntries(shown.map((line) => line.split(/=(.*)/s, 2)));
  }

  test("reads the proxies as they were", async () => {
    const namespace = await install();
    const unit = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(..."ab \"'\\$`#;=%!*?{}~|&<>") },
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((text) => isKeepable(text)),
    );
    const value = fc.string({ unit, minLength: 1, maxLength: 30 }).filter(isKeepable);
    for (const [httpsProxy, httpProxy, noProxy] of fc.sample(fc.tuple(value, value, value), 60)) {
      const proxies = { httpsProxy, httpProxy, noProxy };
      expect(await environmentWith(namespace.proxyEnvironment, formatKeptProxies(proxies, "ours"))).toEqual({
        TELEPORT_UPDATE_HTTPS_PROXY: httpsProxy,
        TELEPORT_UPDATE_HTTP_PROXY: httpProxy,
        TELEPORT_UPDATE_NO_PROXY: noProxy,
      });
    }
  }, 60_000);

  const AN_ADDRESS: ProxyEnvironment = { httpsProxy: "http://u:p@kept.test", httpProxy: "", noProxy: "" };

  test("[threat unit-words] finds the file wherever it lies", async () => {
    for (const directory of [
      "/srv/a b",
      "/srv/50%n",
      "/srv/*?[a]",
      "/srv/{a,b}",
      "/srv/~$HOME",
      "/srv/q\"u'o\\te",
      "/srv/ü;#",
    ]) {
      const { proxyEnvironment: path } = await install(directory);
      const shown = await environmentWith(path, formatKeptProxies(AN_ADDRESS, "ours"));
      expect({ directory, shown }).toEqual({
        directory,
        shown: { TELEPORT_UPDATE_HTTPS_PROXY: "http://u:p@kept.test" },
      });
    }
  });

  test("lets a file win over an operator's `Environment=`, which is why ours has names of its own", async () => {
    const { proxyEnvironment: path } = await install();
    await host.writeFile(`${SERVICE}.d/override.conf`, "[Service]\nEnvironment=HTTPS_PROXY=http://operator.test\n");
    await host.exec(["systemctl", "daemon-reload"]);
    expect(await environmentWith(path, formatKeptProxies(AN_ADDRESS, "another"))).toEqual({
      HTTPS_PROXY: "http://u:p@kept.test",
    });
    expect(await environmentWith(path, formatKeptProxies(AN_ADDRESS, "ours"))).toEqual({
      HTTPS_PROXY: "http://operator.test",
      TELEPORT_UPDATE_HTTPS_PROXY: "http://u:p@kept.test",
    });

    // After a hand-over an operator has this way.
    const override = "[Service]\nEnvironmentFile=\nEnvironment=HTTPS_PROXY=http://operator.test\n";
    await host.writeFile(`${SERVICE}.d/override.conf`, override);
    await host.exec(["systemctl", "daemon-reload"]);
    expect(await environmentWith(path, formatKeptProxies(AN_ADDRESS, "another"))).toEqual({
      HTTPS_PROXY: "http://operator.test",
    });
  });
});

/** Whether it can be kept at all. */
function isKeepable(text: string): boolean {
  try {
    return formatKeptProxies({ httpsProxy: text, httpProxy: "", noProxy: "" }, "ours") !== "";
  } catch {
    return false;
  }
}
