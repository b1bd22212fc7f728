import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { forgetProxyEnvironment, type ProxyEnvironment } from "../../src/platform/connect-proxy.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { fetchHttp } from "../../src/platform/fetch-http.ts";
import type { Http } from "../../src/platform/http.ts";
import { type Authority, makeAuthority, type Validity } from "../support/certificates.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";

const NO_PROXIES: ProxyEnvironment = { httpsProxy: "", httpProxy: "", noProxy: "" };
const PATH = "/file";

let authority: Authority;
let server: ProxyAndCdn;

beforeAll(async () => {
  authority = await makeAuthority();
  server = await startProxyAndCdn({ certificates: await authority.issue() });
});
afterAll(() => server[Symbol.asyncDispose]());

describe("an answer", () => {
  test("carries status, headers and the bytes as sent", async () => {
    const coded = Bun.gzipSync("hello");
    server.respond(PATH, () => new Response(coded, { status: 203, headers: { "content-encoding": "gzip" } }));
    const answer = await trusting().get(server.baseUrl + PATH, { headers: { "X-Own": "1" } });
    expect([answer.status, answer.headers.get("content-encoding"), answer.url]).toEqual([
      203,
      "gzip",
      server.baseUrl + PATH,
    ]);
    expect(Buffer.from(await bytes(answer.body))).toEqual(Buffer.from(coded));
    expect(server.requests.at(-1)?.headers).toMatchObject({ "accept-encoding": "identity", "x-own": "1" });
  });

  test("may be empty, or not be wanted", async () => {
    server.respond(PATH, () => new Response(null, { status: 304, headers: { etag: '"1"' } }));
    expect(await (await trusting().get(server.baseUrl + PATH)).text(10)).toBe("");
    server.respond(PATH, () => new Response("x".repeat(1 << 20)));
    await (await trusting().get(server.baseUrl + PATH)).discard();
  });

  test("is text up to a limit", async () => {
    server.respond(PATH, () => new Response("héllo"));
    expect(await (await trusting().get(server.baseUrl + PATH)).text(6)).toBe("héllo");
    const tooLarge = trusting()
      .get(server.baseUrl + PATH)
      .then((answer) => answer.text(5));
    expect(await failure(tooLarge)).toEqual(["E_NETWORK", `\`${server.baseUrl}${PATH}\` sent more than 5 bytes`]);
  });
});

describe("certificates", () => {
  const CASES: [title: string, names: string[], validity: Validity, reason: string, hint: string][] = [
    ["expired", ["127.0.0.1"], "expired", "its certificate has expired", "timedatectl"],
    ["not yet valid", ["127.0.0.1"], "not yet valid", "its certificate is not valid yet", "timedatectl"],
    [
      "of another name",
      ["other.test"],
      "current",
      "its certificate is for another name than `127.0.0.1`",
      "openssl s_client",
    ],
  ];
  test.each(CASES)("%s: refused, and taken only when insecure", async (_, names, validity, reason, hint) => {
    await using other = await startProxyAndCdn({ certificates: await authority.issue(names, validity) });
    const url = `${other.baseUrl}/webapi/find`;
    const error = await rejection(trusting().get(url));
    expect([error.code, error.message]).toEqual(["E_TLS", `cannot fetch \`${url}\`: ${reason}`]);
    expect(error.hint).toContain(hint);
    expect(other.requests).toEqual([]);
    expect((await http({ insecure: true }).get(url)).status).toBe(200);
  });

  test("of an unknown authority: refused, naming the store and the remedy", async () => {
    const stranger = await makeAuthority("Stranger");
    const trust = () => ({ pem: stranger.ca, files: ["/etc/ssl/certs/ca-certificates.crt"] });
    const error = await rejection(http({ trust }).get(server.baseUrl + PATH));
    expect(error.code).toBe("E_TLS");
    expect(error.message).toContain("not signed by an authority in `/etc/ssl/certs/ca-certificates.crt`");
    expect(error.hint).toContain("update-ca-certificates");
    expect(error.hint).toContain("--ca-file");
  });

  test("the trust store is not read when nothing is checked", async () => {
    const trust = () => {
      throw new UpdateError("E_TRUST_STORE", "there is none");
    };
    expect((await http({ insecure: true, trust }).get(`${server.baseUrl}/webapi/find`)).status).toBe(200);
    expect((await failure(http({ trust }).get(server.baseUrl)))[0]).toBe("E_TRUST_STORE");
  });

  test("a port without TLS", async () => {
    await using plain = await rawServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await failure(trusting().get(`https://${plain.address}/`))).toEqual([
      "E_TLS",
      `cannot fetch \`https://${plain.address}/\`: the TLS handshake failed, or the port does not speak TLS`,
    ]);
  });
});

describe("connections", () => {
  test("refused", async () => {
    const plain = await rawServer(() => {});
    await plain[Symbol.asyncDispose]();
    const error = await rejection(trusting().get(`https://${plain.address}/x?secret=1`));
    expect([error.code, error.message]).toEqual([
      "E_NETWORK",
      `cannot fetch \`https://${plain.address}/x\`: connection refused`,
    ]);
    expect(error.hint).toContain(`curl -vI https://${plain.address}/`);
  });

  test("to a name that does not exist", async () => {
    const error = await rejection(trusting().get("https://user:password@nowhere.invalid/"));
    expect([error.code, error.message]).toEqual([
      "E_NETWORK",
      "cannot fetch `https://nowhere.invalid/`: the name was not found",
    ]);
    expect(error.hint).toContain("getent hosts nowhere.invalid");
  });

  test.each([
    ["before the answer", ""],
    ["inside the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"],
    ["inside a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"],
  ])("cut %s", async (_, sent) => {
    await using plain = await rawServer((socket) => socket.once("data", () => socket.end(sent)));
    const url = `http://${plain.address}/`;
    const cut = http()
      .get(url)
      .then((answer) => answer.text(100));
    expect(await failure(cut)).toEqual(["E_NETWORK", `cannot fetch \`${url}\`: the connection was cut`]);
  });

  test.each([
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "s3://bucket/key",
    "example.com",
    "https://a;reboot/",
    "",
  ])("%p is not asked for", async (url) => {
    expect(await failure(http().get(url))).toEqual(["E_NETWORK", `${JSON.stringify(url)} is not an https URL`]);
  });
});

describe("limits", () => {
  test("the whole exchange, its body included", async () => {
    await using dripping = await rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      const drip = setInterval(() => socket.write("x"), 5);
      socket.on("close", () => clearInterval(drip));
    });
    const url = `http://${dripping.address}/`;
    const slow = http()
      .get(url, { timeoutMs: 100, stallMs: 90 })
      .then((answer) => answer.text(1 << 20));
    expect(await failure(slow)).toEqual(["E_TIMEOUT", `cannot fetch \`${url}\`: no complete answer within 0.1 s`]);
  });

  test.each([
    ["a server that never answers", ""],
    ["a body that stops", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"],
  ])("%s", async (_, sent) => {
    await using silent = await rawServer((socket) => socket.write(sent));
    const url = `http://${silent.address}/`;
    const stalled = http()
      .get(url, { stallMs: 50 })
      .then((answer) => answer.text(100));
    expect(await failure(stalled)).toEqual(["E_TIMEOUT", `cannot fetch \`${url}\`: nothing arrived for 0.05 s`]);
  });

  test("a slow reader is not a stalled server", async () => {
    const size = 4 << 20;
    server.respond(PATH, () => new Response(new Uint8Array(size)));
    const answer = await trusting().get(server.baseUrl + PATH, { stallMs: 100 });
    let received = 0;
    for await (const chunk of answer.body) {
      if (received === 0) await Bun.sleep(150);
      received += chunk.length;
    }
    expect(received).toBe(size);
  });

  test("an interrupt before the request, before the answer and inside the body", async () => {
    await using silent = await rawServer((socket) =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"),
    );
    const url = `http://${silent.address}/`;
    const canceled = ["E_CANCELED", `interrupted while fetching \`${url}\``];
    expect(await failure(http().get(url, { signal: AbortSignal.abort() }))).toEqual(canceled);

    const during = new AbortController();
    const asked = http().get(url, { signal: during.signal });
    during.abort();
    expect(await failure(asked)).toEqual(canceled);

    const inside = new AbortController();
    const { body } = await http().get(url, { signal: inside.signal });
    const read = (async () => {
      for await (const _ of body) inside.abort();
    })();
    expect(await failure(read)).toEqual(canceled);
  });
});

describe("redirects", () => {
  const redirect =
    (to: string, status = 302) =>
    () =>
      new Response(null, { status, headers: { location: to } });

  test.each([301, 302, 303, 307, 308])("%d is followed", async (status) => {
    server.respond("/from", redirect("/to?x=1", status));
    server.respond("/to", () => new Response("here"));
    const answer = await trusting().get(`${server.baseUrl}/from`, { headers: { "X-Own": "1" } });
    expect([answer.url, await answer.text(10)]).toEqual([`${server.baseUrl}/to?x=1`, "here"]);
    expect(server.requests.at(-1)?.headers["x-own"]).toBe("1");
  });

  test("five are followed, six are a loop", async () => {
    for (let at = 0; at < 6; at += 1) server.respond(`/${at}`, redirect(`/${at + 1}`));
    server.respond("/6", () => new Response("end"));
    expect(await (await trusting().get(`${server.baseUrl}/1`)).text(10)).toBe("end");
    expect(await failure(trusting().get(`${server.baseUrl}/0`))).toEqual([
      "E_NETWORK",
      `\`${server.baseUrl}/5\` redirects again, after 5 redirects`,
    ]);
  });

  test("own headers do not go to another origin, but what is wanted does", async () => {
    await using other = await startProxyAndCdn({ certificates: await authority.issue() });
    other.respond("/back", redirect(`${server.baseUrl}/to`));
    server.respond("/to", () => new Response("here"));
    server.respond("/from", redirect(`${other.baseUrl}/back`));
    const headers = { Authorization: "Bearer secret", "X-Own": "1", Range: "bytes=4-", "If-Range": '"1"' };
    await (await trusting().get(`${server.baseUrl}/from`, { headers })).discard();
    for (const request of [other.requests.at(-1), server.requests.at(-1)]) {
      expect(request?.headers).toMatchObject({ range: "bytes=4-", "if-range": '"1"' });
      expect(Object.keys(request?.headers ?? {})).not.toContain("authorization");
      expect(Object.keys(request?.headers ?? {})).not.toContain("x-own");
    }
  });

  test.each([
    ["http://127.0.0.1:1/x?y", 'redirects from https to http: "http://127.0.0.1:1/x"'],
    ["file:///etc/passwd", 'redirects to "file:///etc/passwd", which is not an https URL'],
    ["https://a;reboot/", 'redirects to "https://a;reboot/", which is not an https URL'],
    ["https://[", 'redirects to "https://[", which is not an https URL'],
  ])("to %s is refused", async (location, reason) => {
    server.respond("/from", redirect(location));
    expect(await failure(trusting().get(`${server.baseUrl}/from`))).toEqual([
      "E_NETWORK",
      `\`${server.baseUrl}/from\` ${reason}`,
    ]);
  });

  test("a status that redirects nowhere is an answer", async () => {
    server.respond("/from", () => new Response("choose", { status: 300, headers: { location: "/to" } }));
    expect((await trusting().get(`${server.baseUrl}/from`)).status).toBe(300);
    server.respond("/from", () => new Response(null, { status: 302 }));
    expect((await trusting().get(`${server.baseUrl}/from`)).status).toBe(302);
  });
});

describe("a CONNECT proxy", () => {
  const url = "https://cluster.test/webapi/find";
  let far: ProxyAndCdn;
  beforeAll(async () => {
    far = await startProxyAndCdn({ certificates: await authority.issue(["cluster.test"]) });
  });
  afterAll(() => far[Symbol.asyncDispose]());
  const route = () => far.address;

  test("carries the tunnel, with credentials", async () => {
    await using proxy = await startConnectProxy({ route, credentials: "user:p@ss" });
    const httpsProxy = `http://user:p%40ss@${proxy.address}`;
    expect(await (await through({ httpsProxy }).get(url)).text(100)).toBe("{}");
    expect(proxy.requests).toEqual(["CONNECT cluster.test:443 HTTP/1.1"]);
  });

  test.each([
    [407, "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"],
    [403, "NO_PROXY"],
  ])("refuses with %d", async (status, hint) => {
    await using proxy = await startConnectProxy({ route, refuseWith: status });
    const error = await rejection(through({ httpsProxy: `http://user:secret@${proxy.address}` }).get(url));
    expect([error.code, error.message]).toEqual([
      "E_CONNECT_PROXY",
      `cannot fetch \`${url}\` through the CONNECT proxy \`http://${proxy.address}\`: the proxy refused to open a tunnel (status ${status})`,
    ]);
    expect(error.hint).toContain(hint);
  });

  test("is down", async () => {
    const proxy = await startConnectProxy();
    await proxy[Symbol.asyncDispose]();
    const error = await rejection(through({ httpsProxy: `user:secret@${proxy.address}` }).get(url));
    expect([error.code, error.message]).toEqual([
      "E_CONNECT_PROXY",
      `cannot fetch \`${url}\` through the CONNECT proxy \`http://${proxy.address}\`: the proxy was not reached: connection refused`,
    ]);
    expect(error.hint).toContain("HTTPS_PROXY");
  });

  test("is chosen by us alone, once the variables are forgotten", async () => {
    await using proxy = await startConnectProxy({ route });
    process.env["NO_PROXY"] = "cluster.test";
    process.env["HTTPS_PROXY"] = "http://127.0.0.1:1";
    try {
      // Why they have to be: without a proxy the name leads nowhere.
      expect((await failure(through({ httpsProxy: proxy.address }).get(url)))[0]).toBe("E_CONNECT_PROXY");
      expect((await trusting().get(`${server.baseUrl}/webapi/find`)).status).toBe(200);
    } finally {
      forgetProxyEnvironment(process.env);
    }
    expect((await through({ httpsProxy: proxy.address }).get(url)).status).toBe(200);
    expect(proxy.requests).toHaveLength(1);
  });

  test("wants credentials for an http URL", async () => {
    await using proxy = await startConnectProxy({ credentials: "user:secret" });
    const asked = through({ httpProxy: proxy.address }).get("http://cluster.test/");
    expect((await failure(asked))[0]).toBe("E_CONNECT_PROXY");
  });

  test("does not hide the certificate of the server", async () => {
    await using proxy = await startConnectProxy({ route });
    const asked = through({ httpsProxy: proxy.address }).get("https://other.test/");
    expect((await failure(asked))[0]).toBe("E_TLS");
  });
});

function http(settings: Partial<Parameters<typeof fetchHttp>[0]> = {}): Http {
  const trust = () => ({ pem: authority.ca, files: ["the authority of the test"] });
  return fetchHttp({ trust, insecure: false, proxies: NO_PROXIES, ...settings });
}

const trusting = () => http();
const through = (proxies: Partial<ProxyEnvironment>) => http({ proxies: { ...NO_PROXIES, ...proxies } });

async function bytes(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(body));
}

async function rejection(promise: Promise<unknown>): Promise<UpdateError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UpdateError) return error;
  throw new Error("expected an UpdateError", { cause: error });
}

async function failure(promise: Promise<unknown>): Promise<string[]> {
  const { code, message } = await rejection(promise);
  return [code, message];
}

/** A TCP server that says exactly what a test wants, with its address. */
async function rawServer(talk: (socket: Socket) => void): Promise<AsyncDisposable & { address: string }> {
  const open = new Set<Socket>();
  const raw: Server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket));
    talk(socket);
  });
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  const at = raw.address();
  if (at === null || typeof at === "string") throw new Error("the server has no port");
  return {
    address: `127.0.0.1:${at.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => raw.close(resolve));
    },
  };
}
