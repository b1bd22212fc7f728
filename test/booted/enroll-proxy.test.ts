import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeAuthority } from "../support/certificates.ts";
import { createNetworkNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { type Squid, startSquid } from "./support/squid.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

/** Only squid knows where it is. */
const NAME = "cluster.test";

describe("a host with no route but a forward proxy", () => {
  let network: NetworkNamespace;
  let squid: Squid;
  let host: UpdaterHost;
  /** On the loopback of the test machine, behind squid. */
  let hidden: Cluster;
  /** On the one address that the host reaches by itself. */
  let near: Cluster;

  beforeAll(async () => {
    const authority = await makeAuthority();
    network = await createNetworkNamespace();
    squid = await startSquid(network.testAddress, { [NAME]: "127.0.0.1" });
    hidden = await startCluster([{ version: "18.1.0" }], { certificates: await authority.issue([NAME]) });
    near = await startCluster([{ version: "18.1.0" }], {
      certificates: await authority.issue([network.testAddress]),
      hostname: network.testAddress,
    });
    host = await bootUpdaterHost(authority.ca, { network });
  }, 300_000);
  afterAll(async () => {
    for (const part of [host, near, hidden, squid, network]) await part?.[Symbol.asyncDispose]();
  });

  test("enrolls through `HTTPS_PROXY`, and not without it", async () => {
    const port = new URL(hidden.baseUrl).port;
    const enable = ["enable", "--proxy", `${NAME}:${port}`, "--base-url", `https://${NAME}:${port}`];
    const env = { HTTPS_PROXY: squid.url };
    expect(await host.updater(enable)).toMatchObject({ exitCode: 1, code: "E_NETWORK" });
    expect(await host.updater(enable, { env: { ...env, NO_PROXY: `.test` } })).toMatchObject({
      exitCode: 1,
      code: "E_NETWORK",
    });
    expect(hidden.requests).toEqual([]);

    await host.succeed(enable, { env });
    expect((await host.updater(["status"], { env })).stdout).toContain("active:\n    version: 18.1.0\n");
  });

  test("asks what `NO_PROXY` names directly", async () => {
    const enable = ["enable", "--proxy", near.address, "--base-url", near.baseUrl];
    await host.succeed(enable, { env: { HTTPS_PROXY: squid.url, NO_PROXY: network.testAddress } });
    expect(near.requests.length).toBeGreaterThan(0);
  });

  test("the log of the proxy has tunnels to the hidden cluster, and nothing else", async () => {
    const tunnel = `CONNECT ${NAME}:${new URL(hidden.baseUrl).port} 200`;
    const log = await squid.accessLog();
    expect(log.length).toBeGreaterThan(0);
    expect(new Set(log)).toEqual(new Set([tunnel]));
  });
});
