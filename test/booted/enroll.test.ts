import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LOCAL_NAMES, makeAuthority } from "../support/certificates.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { bootUpdaterHost, messages, type UpdaterHost } from "./support/updater-host.ts";

const VERSION = "18.1.0";
const CONFIG = "/opt/teleport/default/update.yaml";
const DEFAULT_CDN = "cdn.teleport.dev";

describe("a host from its first enrolment to the end of its updates", () => {
  let cluster: Cluster;
  let host: UpdaterHost;
  beforeAll(async () => {
    const authority = await makeAuthority();
    cluster = await startCluster([{ version: VERSION }], {
      certificates: await authority.issue([...LOCAL_NAMES, DEFAULT_CDN]),
    });
    host = await bootUpdaterHost(cluster.ca);
  }, 300_000);
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const paths = () => cluster.requests.splice(0).map(({ path }) => path);

  test("before: `status` says that nothing is installed", async () => {
    const { exitCode, stdout, code } = await host.updater(["status"]);
    expect({ exitCode, stdout, code }).toEqual({ exitCode: 1, stdout: "", code: "E_NOT_INSTALLED" });
  });

  test("[core 7.2 no file]: `disable` does not make one", async () => {
    await host.succeed(["disable"]);
    expect((await host.exec(["test", "-e", CONFIG])).exitCode).toBe(1);
  });

  test("[core 7.7 config does not exist] [core 7.7 not started or enabled]: a fresh `enable`", async () => {
    const outcome = await host.succeed(enableFrom(cluster));
    expect(await host.readFile(CONFIG)).toBe(`version: v1
kind: update_config
spec:
    proxy: ${cluster.address}
    path: /usr/local/bin
    base_url: ${cluster.baseUrl}
    enabled: true
    pinned: false
status:
    id_file: /tmp/teleport-update.id
    active:
        version: ${VERSION}
`);
    const asked = cluster.requests.map(({ path, query }) => ({ path, group: query["group"] }));
    expect(asked).toEqual([
      { path: "/webapi/find", group: "default" },
      { path: `${cluster.made[VERSION]?.urlPath}.sha256`, group: undefined },
      { path: `${cluster.made[VERSION]?.urlPath}`, group: undefined },
    ]);
    const commands = outcome.log.flatMap(({ level, command }) => (command === undefined ? [] : [{ level, command }]));
    expect(commands).toEqual([
      { level: "warn", command: "systemctl enable --now teleport.service" },
      { level: "info", command: "systemctl enable --now tbot.service" },
    ]);
    expect(await host.ask("systemctl", "is-enabled", "teleport.service", "tbot.service")).toBe("disabled\ndisabled");
    expect(await host.ask("systemctl", "is-active", "teleport.service", "tbot.service")).toBe("inactive\ninactive");
  });

  test("every program is linked into the release, and our own name to our own program", async () => {
    const bin = `/opt/teleport/default/versions/${VERSION}/bin`;
    const links = (await host.ask("find", "/usr/local/bin", "-type", "l", "-printf", "%f %l\n")).split("\n").sort();
    const programs = ["fdpass-teleport", "tbot", "tctl", "teleport", "tsh"].map((name) => `${name} ${bin}/${name}`);
    expect(links).toEqual([
      ...programs.slice(0, 4),
      expect.stringMatching(/^teleport-update \/opt\/teleport\/default\/updater\/[^/]+\/teleport-update$/),
      ...programs.slice(4),
    ]);
    expect(await host.ask("teleport", "version")).toStartWith(`Teleport v${VERSION} `);
    expect((await host.exec(["cmp", "/srv/teleport-update", "/usr/local/bin/teleport-update"])).exitCode).toBe(0);
  });

  test("after: `status` tells settings, versions and the cluster's wish", async () => {
    const { exitCode, stdout, stderr } = await host.updater(["status"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(`proxy: ${cluster.address}
path: /usr/local/bin
base_url: ${cluster.baseUrl}
enabled: true
pinned: false
active:
    version: ${VERSION}
target:
    version: ${VERSION}
in_window: true
jitter: 0s
proof: checksum
`);
  });

  test("[core 7.7 version already installed]: `enable` again keeps what is not named", async () => {
    cluster.requests.length = 0;
    const before = await host.readFile(CONFIG);
    await host.succeed(["enable", "--group", "canary"]);
    const withGroup = before.replace("    base_url:", "    group: canary\n    base_url:");
    expect(await host.readFile(CONFIG)).toBe(withGroup);
    expect(cluster.requests[0]?.query["group"]).toBe("canary");
    expect(paths()).toEqual(["/webapi/find", `${cluster.made[VERSION]?.urlPath}.sha256`]);

    await host.succeed(["enable"]);
    expect(await host.readFile(CONFIG)).toBe(withGroup);
  });

  test("`default` resets group and base URL, so the default CDN is asked", async () => {
    cluster.requests.length = 0;
    await using proxy = await startConnectProxy({ route: () => cluster.address });
    await host.succeed(["enable", "--group", "default", "--base-url", "default"], {
      env: { HTTPS_PROXY: `http://${proxy.address}`, NO_PROXY: "127.0.0.1" },
    });
    expect(new Set(proxy.requests)).toEqual(new Set([`CONNECT ${DEFAULT_CDN}:443 HTTP/1.1`]));
    const config = await host.readFile(CONFIG);
    expect(config).not.toContain("group:");
    expect(config).not.toContain("base_url:");
    expect(cluster.requests[0]?.query["group"]).toBe("default");
    await host.succeed(["enable", "--base-url", cluster.baseUrl]);
  });

  test("the agent runs from its link once it is enabled, and pulls the timer in, also after a reboot", async () => {
    expect((await host.exec(["systemctl", "enable", "teleport", "--now"])).exitCode).toBe(0);
    await expectRunning();
    await host.reboot();
    await expectRunning();
  });

  async function expectRunning(): Promise<void> {
    const { status, pid } = await readiness(host);
    expect(status).toBe("ok");
    expect(pid).toBe(Number(await host.ask("systemctl", "show", "--value", "-p", "MainPID", "teleport.service")));
    expect(await programOf(host, pid)).toBe(`/opt/teleport/default/versions/${VERSION}/bin/teleport`);
    expect(await host.ask("cat", `/proc/${pid}/cmdline`)).toStartWith("/usr/local/bin/teleport\0start\0");
    expect(await host.ask("systemctl", "show", "--value", "-p", "Wants", "teleport.service")).toContain(
      "teleport-update.timer",
    );
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer")).toBe("active");
  }

  test("[core 7.7 no need to reload]: `enable` at the active version leaves the agent alone and has no advice", async () => {
    const before = await readiness(host);
    const outcome = await host.succeed(["enable"]);
    expect((await readiness(host)).pid).toBe(before.pid);
    expect(messages(outcome, "warn")).toEqual([]);
  });

  test("[core 7.2 enabled] [core 7.2 already disabled]: `disable` changes one word, once", async () => {
    const before = await host.readFile(CONFIG);
    await host.succeed(["disable"]);
    const disabled = before.replace("enabled: true", "enabled: false");
    expect(await host.readFile(CONFIG)).toBe(disabled);
    const changedAt = await host.ask("stat", "-c", "%i %Y", CONFIG);
    await host.succeed(["disable"]);
    expect(await host.ask("stat", "-c", "%i %Y", CONFIG)).toBe(changedAt);
    expect((await host.updater(["status"])).stdout).toContain("enabled: false\n");
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer", "teleport.service")).toBe(
      "active\nactive",
    );
  });
});
