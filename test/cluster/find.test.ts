import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type FindRequest, findTarget } from "../../src/cluster/find.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import type { Http, HttpOptions } from "../../src/platform/http.ts";
import type { Log } from "../../src/platform/log.ts";
import { makeAuthority } from "../support/certificates.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { quickClock } from "../support/quick-clock.ts";
import { recordingLog } from "../support/recording-log.ts";

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
      digests: new Map(),
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

  test("[threat plain-output] warns of an edition that nobody knows", async () => {
    server.find = advertise("18.1.0", { edition: "evil\u001b[2J" });
    const { answer, warnings } = await find({});
    expect([answer.agpl, warnings]).toEqual([true, ["Unknown edition detected, taken for an AGPL edition."]]);
    server.find = advertise("18.1.0");
  });

  test.each([
    ["", "E_PROXY_ADDRESS"],
    ["user@example.com", "E_PROXY_ADDRESS"],
  ])("proxy %p is %s", async (proxy, code) => {
    await expect(find({ proxy })).rejects.toMatchObject({ code });
  });

  test("[threat answer-limits] [threat status-means] an error page, and an answer without end", async () => {
    await using other = await startProxyAndCdn();
    other.respond("/webapi/find", () => new Response("<html>", { status: 502 }));
    await expect(find({ proxy: other.address }, other.ca)).rejects.toMatchObject({ code: "E_FIND" });
    other.respond("/webapi/find", () => Response.json({ x: "x".repeat(1 << 20) }));
    await expect(find({ proxy: other.address }, other.ca)).rejects.toMatchObject({ code: "E_NETWORK" });
  });
});

describe("a proxy that fails in passing", () => {
  test("is asked again, and each try is told", async () => {
    await using other = await startProxyAndCdn();
    const answers = [502, 429, 503].map((status) => new Response("no", { status, headers: { "retry-after": "1" } }));
    other.respond("/webapi/find", () => answers.shift() ?? Response.json(advertise("18.1.0")));
    const { asking, warnings, clock } = ask({ proxy: other.address }, other.ca);
    expect((await asking).target.version).toBe("18.1.0");
    expect([warnings, clock.pauses]).toEqual([Array(3).fill("Trying again."), [1500, 2000, 3000]]);
  });

  test("is given up after a few seconds, or at once when it asks for more than a minute", async () => {
    await using other = await startProxyAndCdn();
    other.respond("/webapi/find", () => new Response("no", { status: 503 }));
    const overloaded = ask({ proxy: other.address }, other.ca);
    await expect(overloaded.asking).rejects.toMatchObject({ code: "E_FIND" });
    const gone = ask({ proxy: "127.0.0.1:1" }, other.ca);
    await expect(gone.asking).rejects.toMatchObject({ code: "E_NETWORK" });
    expect([overloaded.clock.pauses, gone.clock.pauses]).toEqual(Array(2).fill([500, 1000, 2000]));

    other.respond("/webapi/find", () => new Response("no", { status: 429, headers: { "retry-after": "120" } }));
    const patient = ask({ proxy: other.address }, other.ca);
    await expect(patient.asking).rejects.toMatchObject({ code: "E_FIND", retryAfterMs: 120_000 });
    expect(patient.clock.pauses).toEqual([]);
  });

  test("that is silent is asked twice, which is a minute", async () => {
    const silent: Http = {
      async get() {
        await clock.sleep(30_000, new AbortController().signal);
        throw new UpdateError("E_TIMEOUT", "silence", { retryAfterMs: 0 });
      },
    };
    const clock = quickClock();
    const request = { proxy: server.address, group: "", updaterId: "", insecure: false };
    const { signal } = new AbortController();
    const asking = findTarget({ http: silent, clock, log: recordingLog(), signal }, request);
    await expect(asking).rejects.toMatchObject({ code: "E_TIMEOUT" });
    expect(clock.pauses).toEqual([30_000, 500, 30_000]);
  });
});

describe("a proxy on this machine without TLS", () => {
  test("[threat https-only] is asked over http when insecure, with a warning, and never otherwise", async () => {
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
    other.respond("/webapi/find", () => new Response("no", { status: 501 }));
    const broken = ask({ proxy: other.address, insecure: true });
    await expect(broken.asking).rejects.toMatchObject({ code: "E_FIND" });
    const interrupted = ask({ proxy: other.address, insecure: true }, other.ca, AbortSignal.abort());
    await expect(interrupted.asking).rejects.toMatchObject({ code: "E_CANCELED" });
    expect([broken.warnings, interrupted.warnings, other.requests.length]).toEqual([[], [], 1]);
  });
});

test("[threat stalls] the whole request may take 30 s", async () => {
  const asked: (HttpOptions | undefined)[] = [];
  const http: Http = {
    get(_url, options) {
      asked.push(options);
      return Promise.reject(new Error("enough"));
    },
  };
  const { signal } = new AbortController();
  const request = { proxy: server.address, group: "", updaterId: "", insecure: false };
  await expect(findTarget({ http, clock: quickClock(), log: recordingLog(), signal }, request)).rejects.toThrow(
    "enough",
  );
  expect(asked).toMatchObject([{ timeoutMs: 30_000 }]);
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
  const http = openHttp({
    trust: () => ({ pem: ca, files: [] }),
    insecure: request.insecure,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  });
  const clock = quickClock();
  return { asking: findTarget({ http, clock, log, signal }, request), warnings, clock };
}
