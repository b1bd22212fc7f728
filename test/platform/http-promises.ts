import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { forgetProxyEnvironment, type ProxyEnvironment } from "../../src/platform/connect-proxy.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import type { ClientCertificate, Http } from "../../src/platform/http.ts";
import type { HttpSettings } from "../../src/platform/http-exchange.ts";
import { type Asking, startAsking } from "../support/asking-server.ts";
import { type Authority, makeAuthority, type Validity } from "../support/certificates.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";

/** What a test must know of who carries the requests. */
export interface TestedHttp {
  open(settings: HttpSettings): Http;
  /** Said of a server that does not listen. */
  refused: string;
  /** Users in the address of a CONNECT proxy through which a refused server is asked once more for its certificates. */
  asksTwiceFor: readonly string[];
  /** It looks at the proxy variables of this process itself, so they have to be forgotten. */
  obeysVariables: boolean;
}

const NO_PROXIES: ProxyEnvironment = { httpsProxy: "", httpProxy: "", noProxy: "" };
const PATH = "/file";

/** Every promise of `Http`, to be kept by each implementation. */
export function keepsPromisesOfHttp({ open, refused, asksTwiceFor, obeysVariables }: TestedHttp): void {
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

    test("[threat answer-limits] is text up to a limit", async () => {
      server.respond(PATH, () => new Response("héllo"));
      expect(await (await trusting().get(server.baseUrl + PATH)).text(6)).toBe("héllo");
      const tooLarge = trusting()
        .get(server.baseUrl + PATH)
        .then((answer) => answer.text(5));
      expect(await failure(tooLarge)).toEqual(["E_NETWORK", `\`${server.baseUrl}${PATH}\` sent more than 5 bytes`]);
    });
  });

  describe("certificates", () => {
    const CASES: [title: string, names: string[], validity: Validity, reason: RegExp, hint: string][] = [
      [
        "expired",
        ["127.0.0.1"],
        "expired",
        /^its certificate has expired: that of "CN=127.0.0.1" was valid until \d{4}-\d\d-\d\dT[\d:]+\.000Z$/,
        "timedatectl",
      ],
      [
        "not yet valid",
        ["127.0.0.1"],
        "not yet valid",
        /^its certificate is not valid yet: that of "CN=127.0.0.1" is valid from \d{4}-\d\d-\d\dT[\d:]+\.000Z on$/,
        "timedatectl",
      ],
      [
        "of another name",
        ["other.test"],
        "current",
        /^its certificate is for another name than `127.0.0.1`, it has "DNS:other.test" and was issued by "CN=Test authority"$/,
        "openssl s_client",
      ],
    ];
    test.each(CASES)(
      "[threat tls-trust] %s: refused, and taken only when insecure",
      async (_, names, validity, reason, hint) => {
        await using other = await startProxyAndCdn({ certificates: await authority.issue(names, validity) });
        const url = `${other.baseUrl}/webapi/find`;
        const error = await rejection(trusting().get(url));
        const start = `cannot fetch \`${url}\`: `;
        expect([error.code, error.message.slice(0, start.length)]).toEqual(["E_TLS", start]);
        expect(error.message.slice(start.length)).toMatch(reason);
        expect(error.hint).toContain(hint);
        expect(other.requests).toEqual([]);
        expect((await http({ insecure: true }).get(url)).status).toBe(200);
      },
    );

    test("[threat tls-trust] of an unknown authority: refused, naming the store and the remedy", async () => {
      const stranger = await makeAuthority("Stranger");
      const trust = () => ({ pem: stranger.ca, files: ["/etc/ssl/certs/ca-certificates.crt"] });
      const error = await rejection(http({ trust }).get(server.baseUrl + PATH));
      expect(error.code).toBe("E_TLS");
      expect(error.message).toContain("not signed by an authority in `/etc/ssl/certs/ca-certificates.crt`");
      expect(error.hint).toContain("update-ca-certificates");
      expect(error.hint).toContain("--ca-file");
    });

    test("[threat tls-trust] of an authority with a trusted name and another key: refused in the same words", async () => {
      const namesake = await makeAuthority();
      const trust = () => ({ pem: namesake.ca, files: ["/etc/ssl/certs/ca-certificates.crt"] });
      const error = await rejection(http({ trust }).get(server.baseUrl + PATH));
      expect(error.code).toBe("E_TLS");
      expect(error.message).toContain("not signed by an authority in `/etc/ssl/certs/ca-certificates.crt`");
      expect(error.message).toContain(': it was issued by "CN=Test authority"');
      expect(error.hint).toContain("--ca-file");
    });

    describe("of an authority that opens TLS in between", () => {
      const intercepted = "https://cluster.test/webapi/find";
      let corporate: Authority;
      let middle: ProxyAndCdn;
      beforeAll(async () => {
        corporate = await makeAuthority("Web Gateway CA,O=Example Corp");
        const certificates = await corporate.issue(["cluster.test"]);
        middle = await startProxyAndCdn({ certificates: { ...certificates, cert: certificates.cert + corporate.ca } });
      });
      afterAll(() => middle[Symbol.asyncDispose]());

      test.each(asksTwiceFor)("is named, also through the CONNECT proxy of %p", async (user) => {
        const credentials = user === "" ? {} : { credentials: "user:p@ss" };
        await using proxy = await startConnectProxy({ route: () => middle.address, ...credentials });
        const error = await rejection(through({ httpsProxy: `http://${user}${proxy.address}` }).get(intercepted));
        expect(error.code).toBe("E_TLS");
        expect(error.message).toEndWith(
          `: it was issued by "CN=Web Gateway CA, O=Example Corp" (that authority's own certificate has the SHA-256 fingerprint ${fingerprint(corporate.ca)})`,
        );
        expect(error.hint).toContain("not from this connection");
        const asked = proxy.requests.map((line) => line.replace(/ HTTP.*/, ""));
        expect(asked).toEqual(Array(2).fill("CONNECT cluster.test:443"));
        expect(middle.requests).toEqual([]);
      });

      test("is named by the last certificate where it does not send its own", async () => {
        const certificates = await corporate.issue();
        await using other = await startProxyAndCdn({ certificates });
        const error = await rejection(trusting().get(other.baseUrl));
        expect(error.message).toEndWith(
          `: it was issued by "CN=Web Gateway CA, O=Example Corp" (the certificate of "CN=127.0.0.1" has the SHA-256 fingerprint ${fingerprint(certificates.cert)})`,
        );
      });
    });

    test("a server that does not let itself be asked twice is refused all the same", async () => {
      const stranger = await makeAuthority("Stranger");
      const { hostname, port } = new URL(server.baseUrl);
      let connections = 0;
      await using once = await rawServer((socket) => {
        connections += 1;
        if (connections > 1) socket.destroy();
        else socket.pipe(connect(Number(port), hostname)).pipe(socket);
      });
      const trust = () => ({ pem: stranger.ca, files: [] });
      const error = await rejection(http({ trust }).get(`https://${once.address}/`));
      expect([error.code, connections]).toEqual(["E_TLS", 2]);
      expect(error.message).toEndWith("or the server does not send the whole chain");
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
        `cannot fetch \`https://${plain.address}/x\`: ${refused}`,
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
    ])("[threat true-length] cut %s", async (_, sent) => {
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
    ])("[threat https-only] %p is not asked for", async (url) => {
      expect(await failure(http().get(url))).toEqual(["E_NETWORK", `${JSON.stringify(url)} is not an https URL`]);
    });
  });

  describe("limits", () => {
    test("[threat stalls] the whole exchange, its body included", async () => {
      await using dripping = await rawServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        const drip = setInterval(() => socket.write("x"), 5);
        socket.on("close", () => clearInterval(drip));
      });
      const url = `http://${dripping.address}/`;
      const slow = http()
        .get(url, { timeoutMs: 1500, stallMs: 1400 })
        .then((answer) => answer.text(1 << 20));
      expect(await failure(slow)).toEqual(["E_TIMEOUT", `cannot fetch \`${url}\`: no complete answer within 1.5 s`]);
    });

    test.each([
      ["a server that never answers", ""],
      ["a body that stops", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"],
    ])("[threat stalls] %s", async (_, sent) => {
      await using silent = await rawServer((socket) => socket.write(sent));
      const url = `http://${silent.address}/`;
      const stalled = http()
        .get(url, { stallMs: 50 })
        .then((answer) => answer.text(100));
      expect(await failure(stalled)).toEqual(["E_TIMEOUT", `cannot fetch \`${url}\`: nothing arrived for 0.05 s`]);
    });

    test("[threat stalls] a trickle", async () => {
      await using dripping = await rawServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        const drip = setInterval(() => socket.write("x"), 5);
        socket.on("close", () => clearInterval(drip));
      });
      const url = `http://${dripping.address}/`;
      const slow = http()
        .get(url, { timeoutMs: 10_000, stallMs: 5000, floor: { bytes: 1000, withinMs: 60 } })
        .then((answer) => answer.text(1 << 20));
      const [code, message] = await failure(slow);
      expect(code).toBe("E_TIMEOUT");
      expect(message).toMatch(/^cannot fetch `http:[^`]*`: only \d+ bytes arrived in [\d.]+ s, too slow to ever end$/);
    });

    test("a slow reader is neither a stalled server nor a trickle", async () => {
      const size = 4 << 20;
      server.respond(PATH, () => new Response(new Uint8Array(size)));
      const floor = { bytes: 1 << 20, withinMs: 2000 };
      const answer = await trusting().get(server.baseUrl + PATH, { stallMs: 2000, floor });
      let received = 0;
      for await (const chunk of answer.body) {
        if (received === 0) await Bun.sleep(2300);
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

    test("[threat redirects] five are followed, six are a loop", async () => {
      for (let at = 0; at < 6; at += 1) server.respond(`/${at}`, redirect(`/${at + 1}`));
      server.respond("/6", () => new Response("end"));
      expect(await (await trusting().get(`${server.baseUrl}/1`)).text(10)).toBe("end");
      expect(await failure(trusting().get(`${server.baseUrl}/0`))).toEqual([
        "E_NETWORK",
        `\`${server.baseUrl}/5\` redirects again, after 5 redirects`,
      ]);
    });

    test("[threat redirects] own headers do not go to another origin, but what is wanted does", async () => {
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
      ["http://127.0.0.1:1/x?y", 'redirects to http: "http://127.0.0.1:1/x"'],
      ["file:///etc/passwd", 'redirects to "file:///etc/passwd", which is not an https URL'],
      ["https://a;reboot/", 'redirects to "https://a;reboot/", which is not an https URL'],
      ["https://[", 'redirects to "https://[", which is not an https URL'],
    ])("[threat https-only] [threat redirects] to %s is refused", async (location, reason) => {
      server.respond("/from", redirect(location));
      expect(await failure(trusting().get(`${server.baseUrl}/from`))).toEqual([
        "E_NETWORK",
        `\`${server.baseUrl}/from\` ${reason}`,
      ]);
    });

    test("[threat https-only] over http they stay on the server that may be asked like that", async () => {
      await using plain = await rawServer((socket) => {
        socket.once("data", (request) => {
          const to = String(request).startsWith("GET /same") ? "/here" : "http://127.0.0.2:1/";
          const isHere = String(request).startsWith("GET /here");
          const first = isHere ? "HTTP/1.1 200 OK" : `HTTP/1.1 302 Found\r\nLocation: ${to}`;
          socket.end(`${first}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        });
      });
      const url = `http://${plain.address}`;
      expect((await http().get(`${url}/same`)).status).toBe(200);
      expect(await failure(http().get(`${url}/other`))).toEqual([
        "E_NETWORK",
        `\`${url}/other\` redirects to http: "http://127.0.0.2:1/"`,
      ]);
    });

    test("a status that redirects nowhere is an answer", async () => {
      server.respond("/from", () => new Response("choose", { status: 300, headers: { location: "/to" } }));
      expect((await trusting().get(`${server.baseUrl}/from`)).status).toBe(300);
      server.respond("/from", () => new Response(null, { status: 302 }));
      expect((await trusting().get(`${server.baseUrl}/from`)).status).toBe(302);
    });
  });

  describe("a client certificate", () => {
    let client: Authority;
    let certificate: ClientCertificate;
    let asking: Asking;
    beforeAll(async () => {
      client = await makeAuthority("Clients");
      certificate = await client.issueClient("host-1");
      asking = await startAsking(client, authority);
    });
    afterAll(() => asking[Symbol.asyncDispose]());

    test("[threat tls-trust] is shown to the server that was asked, and redirects there keep it", async () => {
      asking.answers = ["HTTP/1.1 302 Found\r\nLocation: /there", "HTTP/1.1 200 OK"];
      expect((await trusting().get(`${asking.url}/here`, { certificate })).status).toBe(200);
      expect(asking.shown.splice(0)).toEqual(["host-1", "host-1"]);
      asking.answers = ["HTTP/1.1 200 OK"];
      await (await trusting().get(asking.url)).discard();
      expect(asking.shown.splice(0)).toEqual([undefined]);
    });

    test("[threat redirects] stays behind on the way to another origin, and on the way back", async () => {
      await using other = await startAsking(client, authority);
      asking.answers = [`HTTP/1.1 302 Found\r\nLocation: ${other.url}/there`, "HTTP/1.1 200 OK"];
      other.answers = [`HTTP/1.1 302 Found\r\nLocation: ${asking.url}/back`];
      expect((await trusting().get(`${asking.url}/here`, { certificate })).status).toBe(200);
      expect([asking.shown.splice(0), other.shown]).toEqual([["host-1", undefined], [undefined]]);
    });

    test("[threat redirects] goes through a CONNECT proxy inside the tunnel, and so does what is shown besides", async () => {
      asking.answers = ["HTTP/1.1 200 OK"];
      await using proxy = await startConnectProxy({ route: () => asking.address });
      const headers = { Authorization: "Bearer secret-word" };
      const asked = through({ httpsProxy: proxy.address }).get("https://cluster.test/", { certificate, headers });
      expect((await asked).status).toBe(200);
      expect([asking.shown.splice(0), asking.heads.at(-1)]).toEqual([
        ["host-1"],
        expect.stringMatching(/^authorization: Bearer secret-word\r$/im),
      ]);
      expect(proxy.requests).toEqual(["CONNECT cluster.test:443 HTTP/1.1"]);
      expect(proxy.seen).not.toMatch(/authorization|secret-word|host-1/i);
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
    ])("[threat status-means] refuses with %d", async (status, hint) => {
      await using proxy = await startConnectProxy({ route, refuseWith: status });
      const error = await rejection(through({ httpsProxy: `http://user:secret@${proxy.address}` }).get(url));
      expect([error.code, error.message]).toEqual([
        "E_CONNECT_PROXY",
        `cannot fetch \`${url}\` through the CONNECT proxy \`http://${proxy.address}\`: the proxy refused to open a tunnel (status ${status})`,
      ]);
      expect(error.hint).toContain(hint);
    });

    test("is not asked without the password that its address was to hold", async () => {
      await using proxy = await startConnectProxy({ route });
      expect(await failure(through({ httpsProxy: `http://user:100%@${proxy.address}` }).get(url))).toEqual([
        "E_CONNECT_PROXY",
        "the CONNECT proxy in `HTTPS_PROXY` has a `%` in its user name or password that begins no code of a character",
      ]);
      await (await through({ httpsProxy: `http://user:100%25@${proxy.address}` }).get(url)).discard();
      expect(proxy.seen).toContain(btoa("user:100%"));
    });

    test("is down", async () => {
      const proxy = await startConnectProxy();
      await proxy[Symbol.asyncDispose]();
      const error = await rejection(through({ httpsProxy: `user:secret@${proxy.address}` }).get(url));
      expect([error.code, error.message]).toEqual([
        "E_CONNECT_PROXY",
        `cannot fetch \`${url}\` through the CONNECT proxy \`http://${proxy.address}\`: the proxy was not reached: ${refused}`,
      ]);
      expect(error.hint).toContain("HTTPS_PROXY");
    });

    test("is chosen by us alone, once the variables are forgotten", async () => {
      await using proxy = await startConnectProxy({ route });
      process.env["NO_PROXY"] = "cluster.test";
      process.env["HTTPS_PROXY"] = "http://127.0.0.1:1";
      try {
        // Why they have to be: without a proxy the name leads nowhere.
        const asked = through({ httpsProxy: proxy.address }).get(url);
        if (obeysVariables) expect((await failure(asked))[0]).toBe("E_CONNECT_PROXY");
        else expect((await asked).status).toBe(200);
        expect((await trusting().get(`${server.baseUrl}/webapi/find`)).status).toBe(200);
      } finally {
        forgetProxyEnvironment(process.env);
      }
      expect((await through({ httpsProxy: proxy.address }).get(url)).status).toBe(200);
      expect(proxy.requests).toHaveLength(obeysVariables ? 1 : 2);
    });

    test("[threat status-means] a 407 from the far end is not the proxy's", async () => {
      await using proxy = await startConnectProxy({ route });
      far.respond("/denied", () => new Response(null, { status: 407 }));
      const asked = through({ httpsProxy: proxy.address }).get("https://cluster.test/denied");
      expect((await asked).status).toBe(407);
    });

    test("[threat status-means] wants credentials for an http URL", async () => {
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

  const http = (settings: Partial<HttpSettings> = {}): Http => {
    const trust = () => ({ pem: authority.ca, files: ["the authority of the test"] });
    return open({ trust, insecure: false, proxies: NO_PROXIES, ...settings });
  };

  const trusting = () => http();
  const through = (proxies: Partial<ProxyEnvironment>) => http({ proxies: { ...NO_PROXIES, ...proxies } });
}

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

/** As openssl writes it. */
function fingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256;
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
