import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCuttingRelay } from "../support/cutting-relay.ts";
import { advertise, type Handler, type ProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { quickClock } from "../support/quick-clock.ts";
import { type MadeRelease, makeRelease } from "../support/release-maker.ts";
import { makeSigningKey } from "../support/signing-key.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

const OTHER_DIGEST = "a".repeat(64);
const key = makeSigningKey();
const fails =
  (status: number): Handler =>
  () =>
    new Response(null, { status });
const says =
  (text: string, headers = {}): Handler =>
  () =>
    new Response(text, { headers });

let site: Site;
let release: MadeRelease;
/** Of the same name and version, with other bytes. */
let other: MadeRelease;
let otherFolder: string;
beforeAll(async () => {
  site = await startSite();
  release = await site.release({ version: "18.1.0" });
  otherFolder = mkdtempSync(join(tmpdir(), "other-"));
  other = await makeRelease({ directory: otherFolder, version: "18.1.0", unpackedBytes: 6e6 });
  for (const one of [release, other]) key.sign(one);
  site.server.find = advertise("18.1.0");
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
  rmSync(otherFolder, { recursive: true });
});

/** A host with a key and two mirrors, which answer for what ends so as they are told here, and have the release else. */
async function startMirrors(ofFirst: Record<string, Handler>, ofSecond: Record<string, Handler> = {}) {
  const start = async (answers: Record<string, Handler>): Promise<ProxyAndCdn> => {
    const mirror = await site.mirror();
    for (const [ending, handler] of Object.entries(answers)) mirror.respond(release.urlPath + ending, handler);
    return mirror;
  };
  const [first, second] = [await start(ofFirst), await start(ofSecond)];
  const host = offlineHost(site, { clock: quickClock() });
  host.write("/etc/key.pem", key.publicPem);
  return {
    first,
    second,
    host,
    places: { baseUrl: first.baseUrl, options: { mirrors: [second.baseUrl] } },
    signed: {
      baseUrl: first.baseUrl,
      options: { mirrors: [second.baseUrl], trustedKeys: [`${host.root}/etc/key.pem`] },
    },
    proof: () => JSON.parse(host.read(`${NAMESPACE.versions}/18.1.0/proof.json`)),
    async [Symbol.asyncDispose]() {
      host[Symbol.dispose]();
      await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
    },
  };
}

describe("where a digest is pinned, a checksum is not needed:", () => {
  test("one mirror has none, and the other is down", async () => {
    await using mirrors = await startMirrors({ ".sha256": fails(404) });
    const { host, second, places, proof } = mirrors;
    await second[Symbol.asyncDispose]();
    await host.enroll({ ...places, digest: release.sha256 });
    expect(proof().proof).toBe("pinned digest");
    expect(host.world.log.lines).toContainEqual(
      expect.stringContaining("WARN The checksum cannot be read, the pinned digest counts alone."),
    );
  });

  test.each([403, 503])("it is answered with %d, as by stores that do not list what they hold", async (status) => {
    await using mirrors = await startMirrors({ ".sha256": fails(status) });
    const { host, first, signed, proof } = mirrors;
    await host.enroll({ baseUrl: first.baseUrl, digest: release.sha256 });
    expect(proof().proof).toBe("pinned digest");
    await host.enroll({ ...signed, baseUrl: first.baseUrl, digest: release.sha256 });
    expect(proof().proof).toBe("signature");
  });
});

describe("checksum and signature come from one mirror:", () => {
  test.each<[string, Record<string, Handler>]>([
    ["of a wrong checksum without a signature nothing is left", { ".sha256": says(OTHER_DIGEST), ".sig": fails(404) }],
    ["a signature without a checksum is of no other", { ".sha256": fails(404), ".sig": says("") }],
    ["a signature that cannot be had is asked of the next, with its checksum", { ".sig": fails(503) }],
  ])("%s", async (_, answers) => {
    await using mirrors = await startMirrors(answers);
    const { host, first, second, signed, proof } = mirrors;
    await host.enroll(signed);
    expect(proof()).toMatchObject({ proof: "signature", sha256: release.sha256 });
    for (const { requests } of [first, second]) expect(requests.length).toBeLessThan(8);
  });
});

describe("who gave the bytes is told:", () => {
  test.each<[string, Record<string, Handler>]>([
    ["the archive alone is missing at the first", { "": fails(404) }],
    ["all is missing at the first", { "": fails(404), ".sha256": fails(404) }],
  ])("%s", async (_, answers) => {
    await using mirrors = await startMirrors(answers);
    const { host, second, places, proof } = mirrors;
    await host.enroll(places);
    const url = `${second.baseUrl}${release.urlPath}`;
    expect(proof().place).toBe(url);
    expect(host.world.log.lines).toContainEqual(expect.stringContaining(`Downloading the release. url:${url} `));
  });

  test("each of two that gave a part", async () => {
    let asked = 0;
    const once: Handler = () =>
      asked++ === 0 ? new Response(Bun.file(release.archive)) : new Response(null, { status: 503 });
    await using mirrors = await startMirrors({ "": once });
    const { host, first, second, places, proof } = mirrors;
    await using relay = await startCuttingRelay(first.baseUrl, { bytes: 1 << 20, times: 1 });
    await host.enroll({ ...places, baseUrl: relay.url });
    const { urlPath } = release;
    expect(proof().place).toBe(`${relay.url}${urlPath}, then ${second.baseUrl}${urlPath}`);
  });

  test("and no other is accused", async () => {
    await using mirrors = await startMirrors({ "": fails(404) }, { "": says("another archive") });
    const { host, second, places } = mirrors;
    await expect(host.enroll(places)).rejects.toMatchObject({
      code: "E_CHECKSUM",
      message: expect.stringContaining(`\`${second.baseUrl}${release.urlPath}\` has the SHA-256`),
    });
  });
});

test("what the first was believed on is demanded of the second, also after a break in the middle", async () => {
  let asked = 0;
  const once: Handler = () =>
    asked++ === 0 ? new Response(Bun.file(release.archive)) : new Response(null, { status: 503 });
  await using mirrors = await startMirrors({ "": once });
  const { host, first, second, signed, places } = mirrors;
  second.releases = otherFolder;
  for (const request of [places, signed]) {
    asked = 0;
    await using relay = await startCuttingRelay(first.baseUrl, { bytes: 1 << 20, times: 1 });
    await expect(host.enroll({ ...request, baseUrl: relay.url })).rejects.toMatchObject({ code: "E_CHECKSUM" });
    expect(host.files.list(NAMESPACE.versions)).toEqual([]);
    expect(host.world.log.lines.join("\n")).toContain(other.sha256);
  }
});

describe("the age of a release is asked of the next mirror when the first does not say it:", () => {
  const OLD = new Date("2026-01-01T00:00:00Z").toUTCString();
  test.each<[string, () => Handler, string | undefined]>([
    ["it is old enough", () => says(release.sha256, { "Last-Modified": OLD }), undefined],
    ["it is too young", () => says(release.sha256, { "Last-Modified": new Date().toUTCString() }), "was published at"],
    ["of another release nothing follows", () => says(OTHER_DIGEST, { "Last-Modified": OLD }), "does not say how old"],
    ["nobody says it", () => says(release.sha256), "does not say how old"],
    ["the next has failed", () => fails(503), "does not say how old"],
  ])("%s", async (_, ofSecond, reason) => {
    await using mirrors = await startMirrors({ ".sha256": says(release.sha256) }, { ".sha256": ofSecond() });
    const { host, places } = mirrors;
    const enrolling = host.enroll({ ...places, options: { ...places.options, minAge: "3d" } });
    if (reason === undefined) await enrolling;
    else
      await expect(enrolling).rejects.toMatchObject({ code: "E_HELD_BACK", message: expect.stringContaining(reason) });
  });
});
