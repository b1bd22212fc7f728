import { afterAll, beforeAll, expect, test } from "bun:test";
import { meetCertificates } from "../../src/platform/met-certificates.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";

let server: ProxyAndCdn;
beforeAll(async () => {
  server = await startProxyAndCdn();
});
afterAll(() => server[Symbol.asyncDispose]());

const meet = (proxy: string | undefined, url = server.baseUrl) =>
  meetCertificates({ url: new URL(url), proxy: proxy === undefined ? undefined : new URL(proxy), trust: undefined });

test("a server tells its own certificate, through a proxy too", async () => {
  await using proxy = await startConnectProxy({ route: () => server.address, credentials: "user:p%" });
  for (const address of [undefined, `http://user:p%25@${proxy.address}`])
    expect((await meet(address))[0]?.subject).toBe("CN=127.0.0.1");
});

test.each(["user:100%", "user:%ff", "50%:a"])(
  "a proxy with %p in its address teaches nothing, and fails nothing",
  async (user) => {
    await using proxy = await startConnectProxy({ route: () => server.address });
    expect(await meet(`http://${user}@${proxy.address}`)).toEqual([]);
  },
);

test("nobody there is no failure", async () => {
  expect(await meet(undefined, "https://127.0.0.1:1/")).toEqual([]);
});
