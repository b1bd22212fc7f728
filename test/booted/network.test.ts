import { expect, test } from "bun:test";
import { bootHost } from "../support/booted-host.ts";
import { createNetworkNamespace } from "../support/network-namespace.ts";

test("a host in a network of its own reaches the test and nothing else", async () => {
  await using network = await createNetworkNamespace();
  await using host = await bootHost({ network });
  using server = Bun.serve({ port: 0, hostname: network.testAddress, fetch: () => new Response("here") });
  using hidden = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hidden") });

  const ask = (address: string, port: number | undefined) =>
    `exec 3<>/dev/tcp/${address}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && tail -n1 <&3`;
  expect((await host.exec(["bash", "-c", ask(network.testAddress, server.port)])).stdout).toBe("here");
  expect((await host.exec(["bash", "-c", ask("127.0.0.1", hidden.port)])).stderr).toContain("Connection refused");
  expect((await host.exec(["bash", "-c", ask("192.0.2.1", 443)])).stderr).toContain("Network is unreachable");
}, 300_000);
