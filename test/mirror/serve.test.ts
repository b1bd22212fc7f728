import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { openHttp } from "../../src/platform/fetch-http.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { makeAuthority } from "../support/certificates.ts";
import { startCuttingRelay } from "../support/cutting-relay.ts";
import { must } from "../support/must.ts";
import { quickClock } from "../support/quick-clock.ts";
import { type ServedMirror, serveMirror } from "../support/served-mirror.ts";
import { keptLog } from "../support/test-world.ts";

const ARCHIVE = "teleport-v18.4.1-linux-amd64-bin.tar.gz";
const TEXT = "0123456789";
const LARGE = new Uint8Array(24 << 20).map((_, index) => (index * 2654435761) >>> 24);
const digestOf = (bytes: string | Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** The status and the headers that say something of the content. */
async function answerOf(response: Response) {
  const of = (name: string) => response.headers.get(name);
  return {
    ...{ status: response.status, body: await response.text(), length: of("content-length") },
    ...{ range: of("content-range"), etag: of("etag") },
  };
}

describe("the files of a tree", () => {
  let mirror: ServedMirror;
  const get = (name: string, headers: Record<string, string> = {}, method = "GET") =>
    fetch(`${mirror.url}/${name}`, { headers, method });
  const strong = `"${digestOf(TEXT)}"`;

  beforeAll(async () => {
    mirror = await serveMirror({ prefix: "/teleport" });
    await mirror.place(ARCHIVE, TEXT);
    await mirror.place("empty.txt", "");
    await mirror.place(".hidden", "secret");
    await mirror.index({ [ARCHIVE]: TEXT, "gone.txt": TEXT });
    await mirror.place("new.txt", TEXT);
    symlinkSync(ARCHIVE, join(mirror.directory, "link"));
    mkdirSync(join(mirror.directory, "folder"));
    await must(["mkfifo", join(mirror.directory, "fifo")]);
  });
  afterAll(async () => await mirror[Symbol.asyncDispose]());

  test("are sent whole, with the digest of the index as their tag", async () => {
    const response = await get(ARCHIVE);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "last-modified": expect.stringMatching(/ GMT$/),
      "x-content-type-options": "nosniff",
    });
    expect(await answerOf(response)).toMatchObject({ status: 200, body: TEXT, length: "10", etag: strong });
    expect(await answerOf(await get("empty.txt"))).toMatchObject({ status: 200, body: "", length: "0" });
    expect((await get("index.json")).headers.get("content-type")).toBe("application/json");
  });

  test("have a weak tag when they are younger than the index, or not in it", async () => {
    expect((await answerOf(await get("new.txt"))).etag).toMatch(/^W\/"a-[0-9a-f]+"$/);
    await using changing = await serveMirror();
    await changing.place("a.txt", TEXT);
    await changing.index({ "a.txt": TEXT });
    expect((await fetch(`${changing.url}/a.txt`)).headers.get("etag")).toBe(strong);
    await changing.place("a.txt", "9876543210");
    expect((await fetch(`${changing.url}/a.txt`)).headers.get("etag")).toStartWith("W/");
    await changing.index({ "a.txt": "9876543210" });
    expect((await fetch(`${changing.url}/a.txt`)).headers.get("etag")).toBe(`"${digestOf("9876543210")}"`);
    await changing.place("index.json", "{");
    expect((await fetch(`${changing.url}/a.txt`)).headers.get("etag")).toStartWith("W/");
    expect(changing.lines).toEqual([expect.stringContaining("WARN The index cannot be read")]);
  });

  test("[threat served-files] an index that is a link, also to itself, costs the tags and no file", async () => {
    await using linked = await serveMirror();
    await linked.place("a.txt", TEXT);
    // Of two lengths: within a tick of the clock the second link may have the inode of the first.
    for (const target of ["index.json", "elsewhere.json"]) {
      rmSync(join(linked.directory, "index.json"), { force: true });
      symlinkSync(target, join(linked.directory, "index.json"));
      const response = await fetch(`${linked.url}/a.txt`);
      expect([response.status, response.headers.get("etag")?.slice(0, 2)]).toEqual([200, "W/"]);
      expect((await fetch(`${linked.url}/index.json`)).status).toBe(404);
    }
    expect(linked.lines).toEqual(Array(2).fill(expect.stringContaining("WARN The index cannot be read")));
  });

  test("[threat served-files] a file that is not for everybody stays where it is, and is told of once", async () => {
    await using careless = await serveMirror();
    await careless.place("site.key", "secret");
    chmodSync(join(careless.directory, "site.key"), 0o640);
    for (const method of ["GET", "HEAD", "GET"]) {
      const response = await fetch(`${careless.url}/site.key`, { method });
      expect([response.status, await response.text()]).toEqual([403, method === "HEAD" ? "" : "forbidden\n"]);
    }
    expect(careless.lines).toEqual([expect.stringContaining("not everybody on this machine may read it")]);
    chmodSync(join(careless.directory, "site.key"), 0o644);
    expect((await fetch(`${careless.url}/site.key`)).status).toBe(200);
  });

  test.each([
    ["spaces", "Range: bytes=5 - 9"],
    ["two of them", "Range: bytes=0-1\r\nRange: bytes=4-5"],
    ["an empty condition", "Range: bytes=0-1\r\nIf-Range:"],
    ["another unit", "Range: bytes =0-1"],
  ])("a range with %s counts as none, in the answer as in the log", async (_, header) => {
    mirror.answers.length = 0;
    const request = `GET /teleport/${ARCHIVE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n\r\n`;
    const said = await exchange(mirror.server.url, request);
    expect([said.slice(0, 15), said.split("\r\n\r\n")[1]]).toEqual(["HTTP/1.1 200 OK", TEXT]);
    expect(mirror.answers).toMatchObject([{ status: 200, bytes: TEXT.length }]);
  });

  test.each([
    ["a part", { Range: "bytes=2-4" }, { status: 206, body: "234", length: "3", range: "bytes 2-4/10", etag: strong }],
    ["the end", { Range: "bytes=-3" }, { status: 206, body: "789", range: "bytes 7-9/10" }],
    ["what lies behind", { Range: "bytes=10-" }, { status: 416, range: "bytes */10", etag: null }],
    ["several parts", { Range: "bytes=0-1,3-4" }, { status: 200, body: TEXT, range: null }],
    ["the rest of the same", { Range: "bytes=2-", "If-Range": strong }, { status: 206, body: "23456789" }],
    ["the rest of another", { Range: "bytes=2-", "If-Range": '"other"' }, { status: 200, body: TEXT, length: "10" }],
    ["what is known", { "If-None-Match": strong }, { status: 304, body: "", etag: strong }],
    ["a part of what is known", { "If-None-Match": strong, Range: "bytes=2-4" }, { status: 304, body: "" }],
    ["what it is", { "If-Match": strong, Range: "bytes=2-4" }, { status: 206, body: "234" }],
    ["another by its tag", { "If-Match": '"other"' }, { status: 412, body: "precondition failed\n", etag: null }],
    ["another, known or not", { "If-Match": '"other"', "If-None-Match": strong }, { status: 412 }],
    ["what is young by now", { "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" }, { status: 412 }],
    ["what is older", { "If-Modified-Since": new Date(Date.now() + 1e6).toUTCString() }, { status: 304, body: "" }],
  ])("asked for %s", async (_, headers: Record<string, string>, answer) => {
    expect(await answerOf(await get(ARCHIVE, headers))).toMatchObject(answer);
  });

  test("HEAD is answered with the length, and with no body; a range says nothing there", async () => {
    const said = await must(["curl", "-sS", "-I", "-H", "Range: bytes=2-4", `${mirror.url}/${ARCHIVE}`]);
    expect(said).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(said.toLowerCase()).toContain("content-length: 10\r\n");
  });

  test.each(["link", "folder", "folder/", "fifo", ".hidden", "gone.txt", "", "../index.json", "%2e%2e%2fetc%2fpasswd"])(
    "[threat served-files] %s is not found",
    async (name) => {
      const said = await must(["curl", "-sS", "--path-as-is", "-w", " %{http_code}", `${mirror.url}/${name}`]);
      expect(said).toBe("not found\n 404");
    },
  );

  test("other methods are refused, and nothing that a client wrote comes back", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      const response = await get("a%3Cscript%3E", { "X-Evil": "<script>" }, method);
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      expect(await response.text()).toBe("method not allowed\n");
    }
    expect((await get("x", {}, "PUT")).status).toBe(405);
  });

  test.each([
    ["no HTTP", "GARBAGE\r\n\r\n"],
    ["another version", "GET / HTTP/9.9\r\nHost: x\r\n\r\n"],
    ["a host that is none", "GET /teleport/../../etc/passwd HTTP/1.1\r\nHost: a b@c/%%%\r\n\r\n"],
    ["a large body", "GET /teleport/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"],
    [
      "two lengths",
      "GET /teleport/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    ],
    ["a long target", `GET /teleport/${"a".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ["many headers", `GET /teleport/x HTTP/1.1\r\n${"A: b\r\n".repeat(5000)}\r\n`],
  ])("[threat serve-limits] %s is refused", async (_, bytes) => {
    expect(await firstLine(mirror.server.url, bytes)).toMatch(/^HTTP\/1\.1 [45]\d\d /);
    expect((await answerOf(await get(ARCHIVE))).body).toBe(TEXT);
  });

  test("whatever is asked for, only files of the tree come", async () => {
    const part = fc.constantFrom(
      "/",
      "..",
      "%2e",
      "%2f",
      "\\",
      "%00",
      "\0",
      "teleport",
      ARCHIVE,
      ".hidden",
      "link",
      "?",
      "#",
      "é",
      "*",
    );
    const target = fc
      .tuple(fc.constantFrom("/", "/teleport/"), fc.array(part, { maxLength: 6 }))
      .map(([begin, parts]) => begin + parts.join(""));
    const method = fc.constantFrom("GET", "HEAD", "POST", "get", "");
    await fc.assert(
      fc.asyncProperty(method, target, async (verb, path) => {
        const said = await exchange(
          mirror.server.url,
          `${verb} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
        const [, status = "", body = ""] = /^HTTP\/1\.1 (\d{3}).*?\r\n\r\n(.*)$/s.exec(said) ?? [];
        const isFile = status === "200" && body === (verb === "HEAD" ? "" : TEXT);
        expect({ status, isFine: said === "" || isFile || /^[45]/.test(status) }).toEqual({ status, isFine: true });
        expect(said).not.toContain("secret");
      }),
      { numRuns: 300 },
    );
  });

  test("each answer is told to the access log", async () => {
    mirror.answers.length = 0;
    await get(ARCHIVE, { Range: "bytes=2-4", "User-Agent": "curl/8" });
    await get(ARCHIVE, {}, "HEAD");
    expect(mirror.answers).toMatchObject([
      {
        remote: "127.0.0.1",
        method: "GET",
        target: `/teleport/${ARCHIVE}`,
        status: 206,
        bytes: 3,
        userAgent: "curl/8",
      },
      { method: "HEAD", status: 200, bytes: 0 },
    ]);
  });
});

test("a file that is replaced in the middle of a download goes on with what it was", async () => {
  await using mirror = await serveMirror();
  await mirror.place(ARCHIVE, LARGE);
  const response = await fetch(`${mirror.url}/${ARCHIVE}`);
  const reader = response.body?.getReader();
  const digest = new Bun.CryptoHasher("sha256");
  let received = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    digest.update(part.value);
    // What the sockets cannot hold is still to be read from the file.
    if (received === 0) await mirror.place(ARCHIVE, TEXT);
    received += part.value.length;
  }
  expect([received, digest.digest("hex")]).toEqual([LARGE.length, digestOf(LARGE)]);
  expect(await (await fetch(`${mirror.url}/${ARCHIVE}`)).text()).toBe(TEXT);
});

test("the updater takes up a download that is cut, over TLS", async () => {
  const authority = await makeAuthority();
  await using mirror = await serveMirror({ tls: await authority.issue() });
  await mirror.place(ARCHIVE, LARGE);
  await mirror.index({ [ARCHIVE]: LARGE });
  await using relay = await startCuttingRelay(mirror.url, { bytes: 5 << 20, times: 4 });
  const http = openHttp({
    trust: () => ({ pem: authority.ca, files: ["ca.pem"] }),
    insecure: false,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  });
  const world = { http, clock: quickClock(), log: keptLog(), signal: new AbortController().signal };
  const archive = await httpSource(world, relay.url).open(ARCHIVE);
  const digest = new Bun.CryptoHasher("sha256");
  for await (const chunk of archive.chunks()) digest.update(chunk);
  expect(digest.digest("hex")).toBe(digestOf(LARGE));
  expect(mirror.answers.map(({ status }) => status)).toEqual([200, 206, 206, 206, 206]);
});

test("[threat serve-limits] one request too many is told to come again", async () => {
  await using mirror = await serveMirror({ answers: { all: 2, each: 2 } });
  await mirror.place(ARCHIVE, LARGE);
  const held = await Promise.all([fetch(`${mirror.url}/${ARCHIVE}`), fetch(`${mirror.url}/${ARCHIVE}`)]);
  const refused = await fetch(`${mirror.url}/${ARCHIVE}`);
  const said = ["retry-after", "connection"].map((name) => refused.headers.get(name));
  expect([refused.status, ...said, await refused.text()]).toEqual([503, "5", "close", "busy\n"]);
  for (const response of held) expect((await response.bytes()).length).toBe(LARGE.length);
  expect((await fetch(`${mirror.url}/${ARCHIVE}`, { headers: { Range: "bytes=0-0" } })).status).toBe(206);
});

/** What a server says to these bytes until one of the two hangs up: we do as soon as the begin of an answer is here. */
async function firstLine(url: string, bytes: string): Promise<string> {
  return (await exchange(url, bytes, (said) => said.includes("\r\n"))).split("\r\n")[0] ?? "";
}

function exchange(url: string, bytes: string, isEnough: (said: string) => boolean = () => false): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let said = "";
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on("data", (chunk) => {
      said += chunk;
      if (isEnough(said)) socket.destroy();
    });
    socket.on("error", () => {}).on("close", () => resolve(said));
  });
}
