import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "./certificates.ts";
import { advertise, startProxyAndCdn } from "./proxy-and-cdn.ts";

const directory = mkdtempSync(join(tmpdir(), "proxy-and-cdn-"));
writeFileSync(join(directory, "archive.tar.gz"), "0123456789");
afterAll(() => rmSync(directory, { recursive: true }));

describe("startProxyAndCdn", () => {
  test("answers `find` as scripted and keeps a log", async () => {
    await using server = await startProxyAndCdn();
    server.find = advertise("18.1.0");
    const answer = await get(server, "/webapi/find?group=dev");
    expect(await answer.json()).toEqual({
      auto_update: { agent_version: "18.1.0", agent_auto_update: true, agent_update_jitter_seconds: 0 },
      edition: "community",
      fips: false,
    });
    expect(server.requests).toMatchObject([{ method: "GET", path: "/webapi/find", query: { group: "dev" } }]);
  });

  test("serves files whole and from an offset", async () => {
    await using server = await startProxyAndCdn({ releases: directory });
    const whole = await get(server, "/archive.tar.gz");
    expect([whole.status, whole.headers.get("content-length"), await whole.text()]).toEqual([200, "10", "0123456789"]);
    const etag = whole.headers.get("etag") ?? "";

    const rest = await get(server, "/archive.tar.gz", { Range: "bytes=4-", "If-Range": etag });
    expect([rest.status, rest.headers.get("content-range"), await rest.text()]).toEqual([
      206,
      "bytes 4-9/10",
      "456789",
    ]);
    const changed = await get(server, "/archive.tar.gz", { Range: "bytes=4-", "If-Range": '"other"' });
    expect([changed.status, await changed.text()]).toEqual([200, "0123456789"]);
    const beyond = await get(server, "/archive.tar.gz", { Range: "bytes=10-" });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10"]);
    expect((await get(server, "/missing")).status).toBe(404);
    expect((await get(server, "/..%2f..%2fetc%2fpasswd")).status).toBe(404);
  });

  test("lets a test answer a path itself, and take that back", async () => {
    await using server = await startProxyAndCdn();
    server.respond("/webapi/find", () => new Response("busy", { status: 503 }));
    expect((await get(server, "/webapi/find")).status).toBe(503);
    server.respond("/webapi/find", undefined);
    expect((await get(server, "/webapi/find")).status).toBe(200);
  });

  test("presents the certificate it was given", async () => {
    const certificates = await (await makeAuthority()).issue(["elsewhere.test"]);
    await using server = await startProxyAndCdn({ certificates });
    await expect(get(server, "/webapi/find")).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  test("runs stand-alone and reads the `find` file anew for each request", async () => {
    const state = join(directory, "state");
    const find = join(directory, "find.json");
    mkdirSync(state);
    writeFileSync(find, JSON.stringify(advertise("18.1.0")));
    const program = join(import.meta.dir, "proxy-and-cdn.ts");
    const options = ["--directory", directory, "--find", find, "--state", state, "--name", "cdn.test"];
    const child = Bun.spawn([process.execPath, program, ...options], { stdout: "pipe" });
    const { value: line } = await child.stdout.getReader().read();
    const address = (await Bun.file(join(state, "address")).text()).trim();
    expect(new TextDecoder().decode(line)).toBe(`serving on https://${address}\n`);

    const server = { baseUrl: `https://${address}`, ca: await Bun.file(join(state, "ca.pem")).text() };
    const ask = async () => (await get(server, "/webapi/find")).json();
    expect(await ask()).toEqual(advertise("18.1.0"));
    writeFileSync(find, JSON.stringify(advertise("18.2.0")));
    expect(await ask()).toEqual(advertise("18.2.0"));
    expect((await get(server, "/archive.tar.gz")).status).toBe(200);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

function get(server: { baseUrl: string; ca: string }, path: string, headers: Record<string, string> = {}) {
  const tls = { ca: server.ca, rejectUnauthorized: true };
  return fetch(server.baseUrl + path, { headers, tls, proxy: false, decompress: false });
}
