import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type FindRequest, findTarget } from "../../src/cluster/find.ts";
import { fetchHttp } from "../../src/platform/fetch-http.ts";
import type { Log } from "../../src/platform/log.ts";
import { makeAuthority } from "../support/certificates.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";

let server: ProxyAndCdn;
beforeAll(async () => {
  server = await startProxyAndCdn();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("findTarget", () => {
  test("answers what the cluster wants", async () => {
    server.find = advertise("18.1.0", { edition: "ent", fips: true, jitterSeconds: 60, inWindow: false });
    const { answer, warnings } = await find({ proxy: `https://${server.address}/ignored` });
    expect(answer).toEqual({
      target: { version: "18.1.0", flags: ["Enterprise", "FIPS"] },
      flags: ["Enterprise", "FIPS"],
      inWindow: false,
      jitterSeconds: 60,
      agpl: false,
    });
    expect(warnings).toEqual([]);
  });

  test.each([
    ["", "", { group: "default" }],
    ["dev & test", "", { group: "dev & test" }],
    ["dev", "2c652f3c", { group: "dev", update_id: "2c652f3c" }],
  ])("asks for group %p and id %p", async (group, updaterId, query) => {
    await find({ group, updaterId });
    expect(server.requests.at(-1)).toMatchObject({ method: "GET", path: "/webapi/find", query });
    expect(Object.keys(server.requests.at(-1)?.query ?? {})).toEqual(Object.keys(query));
  });

  test("warns of an edition that nobody knows", async () => {
    server.find = advertise("18.1.0", { edition: "evil\u001b[2J" });
    const { answer, warnings } = await find({});
    expect([answer.agpl, warnings]).toEqual([true, ["Unknown edition detected, taken for an AGPL edition."]]);
  });

  test.each([
    ["", "E_PROXY_ADDRESS"],
    ["user@example.com", "E_PROXY_ADDRESS"],
  ])("proxy %p is %s", async (proxy, code) => {
    await expect(find({ proxy })).rejects.toMatchObject({ code });
  });

  test("an error page, and an answer without end", async () => {
    await using other = await startProxyAndCdn();
    other.respond("/webapi/find", () => new Response("<html>", { status: 502 }));
    await expect(find({ proxy: other.address }, other.ca)).rejects.toMatchObject({ code: "E_FIND" });
    other.respond("/webapi/find", () => Response.json({ x: "x".repeat(1 << 20) }));
    await expect(find({ proxy: other.address }, other.ca)).rejects.toMatchObject({ code: "E_NETWORK" });
  });
});

describe("a proxy on this machine without TLS", () => {
  test("is asked over http when insecure, with a warning, and never otherwise", async () => {
    const asked: string[] = [];
    await using plain = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        asked.push(new URL(request.url).pathname);
        return Response.json(advertise("18.1.0"));
      },
    });
    const proxy = `127.0.0.1:${plain.port}`;
    const { answer, warnings } = await find({ proxy, insecure: true });
    expect([answer.target.version, asked]).toEqual(["18.1.0", ["/webapi/find"]]);
    expect(warnings).toEqual(["The proxy on this machine does not answer over https, so it is asked over http."]);

    await expect(find({ proxy, insecure: false })).rejects.toMatchObject({ code: "E_TLS" });
    expect(asked).toHaveLength(1);
  });

  test("is not a proxy elsewhere", async () => {
    const { warnings, asking } = ask({ proxy: "nowhere.invalid", insecure: true });
    await expect(asking).rejects.toMatchObject({ code: "E_NETWORK" });
    expect(warnings).toEqual([]);
  });

  test("is not asked twice when the run is interrupted, or when the answer is no use", async () => {
    await using other = await startProxyAndCdn();
    other.respond("/webapi/find", () => new Response("no", { status: 500 }));
    const broken = ask({ proxy: other.address, insecure: true });
    await expect(broken.asking).rejects.toMatchObject({ code: "E_FIND" });
    const interrupted = ask({ proxy: other.address, insecure: true }, other.ca, AbortSignal.abort());
    await expect(interrupted.asking).rejects.toMatchObject({ code: "E_CANCELED" });
    expect([broken.warnings, interrupted.warnings, other.requests.length]).toEqual([[], [], 1]);
  });
});

test("insecure takes any certificate", async () => {
  const certificates = await (await makeAuthority()).issue(["other.test"], "expired");
  await using other = await startProxyAndCdn({ certificates });
  other.find = advertise("18.2.0");
  expect((await find({ proxy: other.address, insecure: true })).answer.target.version).toBe("18.2.0");
});

async function find(request: Partial<FindRequest>, ca?: string) {
  const { asking, warnings } = ask(request, ca);
  return { answer: await asking, warnings };
}

function ask(wanted: Partial<FindRequest>, ca = server.ca, signal = new AbortController().signal) {
  const request = { proxy: server.address, group: "", updaterId: "", insecure: false, ...wanted };
  const warnings: string[] = [];
  const ignore = () => {};
  const log: Log = { debug: ignore, info: ignore, warn: (message) => warnings.push(message), error: ignore };
  const http = fetchHttp({
    trust: () => ({ pem: ca, files: [] }),
    insecure: request.insecure,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  });
  return { asking: findTarget({ http, log, signal }, request), warnings };
}
