import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { GivenOptions } from "../../src/settings/options.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { formatStatus } from "../../src/update/status-format.ts";
import { makeAuthority, type ServerCertificate } from "../support/certificates.ts";
import { startCuttingRelay } from "../support/cutting-relay.ts";
import { advertise, type ProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { quickClock } from "../support/quick-clock.ts";
import type { MadeRelease } from "../support/release-maker.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, NO_IMAGE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
let first: ProxyAndCdn;
let second: ProxyAndCdn;
let release: MadeRelease;
let pair: ServerCertificate;
beforeAll(async () => {
  pair = await (await makeAuthority("Clients")).issueClient("host-1");
  site = await startSite();
  [first, second] = [await site.mirror(), await site.mirror()];
  release = await site.release({ version: "18.1.0" });
  site.server.find = advertise("18.1.0");
});
afterAll(async () => {
  for (const part of [first, second, site]) await part[Symbol.asyncDispose]();
});

const paths = (server: ProxyAndCdn) => server.requests.splice(0).map(({ path }) => path);

function mirroredHost(): UpdateHost {
  for (const server of [first, second, site.server]) server.requests.length = 0;
  return offlineHost(site, { clock: quickClock() });
}

describe("several base URLs", () => {
  test("the second serves while the first is down; the first stays what upstream reads", async () => {
    const dead = await site.mirror();
    await dead[Symbol.asyncDispose]();
    using host = mirroredHost();
    await host.enroll({ baseUrl: dead.baseUrl, options: { mirrors: [second.baseUrl] } });
    expect(host.config()).toContain(`    base_url: ${dead.baseUrl}\n`);
    expect(host.read(NAMESPACE.options)).toContain(`mirrors:\n  - ${second.baseUrl}\n`);
    expect(paths(second)).toEqual([`${release.urlPath}.sha256`, release.urlPath]);
    expect(host.world.log.lines).toContainEqual(expect.stringContaining("WARN Trying again."));
    expect(host.world.log.lines).toContainEqual(
      expect.stringContaining("WARN This place of releases fails, the next one is asked."),
    );
    expect(formatStatus(await host.status())).toContain(`base_url: ${dead.baseUrl}\n`);
  });

  test("one that has not got the archive is passed over, and each says why when none has", async () => {
    using host = mirroredHost();
    for (const server of [first, second]) server.respond(release.urlPath, () => new Response(null, { status: 404 }));
    const enrolling = host.enroll({ baseUrl: first.baseUrl, options: { mirrors: [second.baseUrl] } });
    await expect(enrolling).rejects.toMatchObject({
      code: "E_DOWNLOAD",
      message: expect.stringMatching(/no place gives .*127\.0\.0\.1:\d+.*HTTP 404.*; .*HTTP 404/),
    });
    second.respond(release.urlPath, undefined);
    await host.enroll({ baseUrl: first.baseUrl, options: { mirrors: [second.baseUrl] } });
    first.respond(release.urlPath, undefined);
    expect(host.files.list(NAMESPACE.versions)).toEqual(["18.1.0"]);
  });

  test("the second goes on in the middle of an archive, where the first broke off for good", async () => {
    using host = mirroredHost();
    let asked = 0;
    first.respond(release.urlPath, () => {
      asked += 1;
      return asked === 1 ? new Response(Bun.file(release.archive)) : new Response(null, { status: 503 });
    });
    await using relay = await startCuttingRelay(first.baseUrl, { bytes: 1 << 20, times: 1 });
    await host
      .enroll({ baseUrl: relay.url, options: { mirrors: [second.baseUrl] } })
      .finally(() => first.respond(release.urlPath, undefined));
    expect(host.files.list(NAMESPACE.versions)).toEqual(["18.1.0"]);
    expect(asked).toBeGreaterThan(2);
    const [rest] = second.requests.filter(({ path }) => path === release.urlPath);
    expect(Number(/^bytes=(\d+)-$/.exec(rest?.headers["range"] ?? "")?.[1])).toBeGreaterThan(0);
    expect(host.world.log.lines).toContainEqual(expect.stringContaining("The download goes on from another place."));
  });

  test("what a killed run had downloaded is not gone on with, and that is said", async () => {
    using host = mirroredHost();
    const staging = `${NAMESPACE.directory}/.staging-${crypto.randomUUID()}`;
    host.write(`${staging}/18.1.0/bin/teleport`, "half");
    await host.enroll();
    // Not that one starts over: most commands download nothing.
    const said = "WARN An earlier run was interrupted: what it had downloaded is removed.";
    expect(host.world.log.lines).toContain(said);
    expect(host.files.stat(staging)).toBeUndefined();
    expect(paths(site.server)).toContain(release.urlPath);
    const again = host.world.log.lines.length;
    await host.enroll();
    expect(host.world.log.lines.slice(again)).not.toContain(said);
  });

  test.each(["", ".sha256"])(
    "one that gives something else at `…%s` does not keep the next one out",
    async (ending) => {
      using host = mirroredHost();
      first.respond(`${release.urlPath}${ending}`, () => new Response("<html>sign in</html>"));
      await host.enroll({ baseUrl: first.baseUrl, options: { mirrors: [second.baseUrl] } });
      first.respond(`${release.urlPath}${ending}`, undefined);
      expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/versions/");
      expect(host.world.log.lines).toContainEqual(
        expect.stringContaining("WARN This place gives something else, the next one is asked."),
      );
    },
  );

  test("the same digest is demanded of all", async () => {
    using host = mirroredHost();
    first.respond(release.urlPath, () => new Response(null, { status: 404 }));
    second.respond(release.urlPath, () => new Response("another archive"));
    const enrolling = host.enroll({ baseUrl: first.baseUrl, options: { mirrors: [second.baseUrl] } });
    await expect(enrolling).rejects.toMatchObject({ code: "E_CHECKSUM" });
    for (const server of [first, second]) server.respond(release.urlPath, undefined);
    expect(host.files.list(NAMESPACE.versions)).toEqual([]);
  });

  test.each(["http://mirror.test", "https://me:secret@mirror.test", "ftp://mirror.test"])(
    "a mirror `%s` is refused before anything is asked",
    async (url) => {
      using host = mirroredHost();
      const enrolling = host.enroll({ baseUrl: first.baseUrl, options: { mirrors: [url] } });
      await expect(enrolling).rejects.toMatchObject({
        code: "E_BASE_URL",
        message: expect.not.stringContaining("secret"),
      });
      expect([paths(site.server), paths(first)]).toEqual([[], []]);
    },
  );
});

describe("credentials", () => {
  const BASIC = `Basic ${btoa("lab:hunter2")}`;
  const BEARER = "Bearer abc.def";
  const CDN = "https://cdn.teleport.dev";
  const NETRC = "machine 127.0.0.1 login lab password hunter2\nmachine cdn.teleport.dev login lab password hunter2\n";

  /** A mirror that answers nobody else. */
  async function guardedMirror(authorization: string): Promise<ProxyAndCdn> {
    const mirror = await site.mirror();
    for (const suffix of ["", ".sha256"]) {
      mirror.respond(`${release.urlPath}${suffix}`, ({ headers }) =>
        headers.get("authorization") === authorization
          ? new Response(Bun.file(`${release.archive}${suffix}`))
          : new Response(null, { status: 401 }),
      );
    }
    return mirror;
  }

  function withSecret(host: UpdateHost, mode = 0o600): GivenOptions {
    host.write("/etc/netrc", NETRC);
    chmodSync(`${host.root}/etc/netrc`, mode);
    return { netrcFile: `${host.root}/etc/netrc` };
  }

  function withPair(host: UpdateHost): GivenOptions {
    host.write("/etc/cert.pem", pair.cert);
    host.write("/etc/key.pem", pair.key, 0o600);
    return { clientCertificate: `${host.root}/etc/cert.pem`, clientKey: `${host.root}/etc/key.pem` };
  }

  const shown = ({ requests }: ProxyAndCdn) => requests.map(({ headers }) => headers["authorization"]);

  test("of a netrc open a mirror, are kept, and go to nobody else", async () => {
    using host = mirroredHost();
    await using mirror = await guardedMirror(BASIC);
    await host.enroll({ baseUrl: mirror.baseUrl, options: withSecret(host) });
    expect(shown(mirror)).toEqual([BASIC, BASIC]);
    expect(shown(site.server)).toEqual([undefined]);
    expect(host.read(NAMESPACE.options)).toContain("netrc_file: /etc/netrc\n");
    expect(host.read(NAMESPACE.options)).not.toContain("hunter2");
    expect(host.world.log.lines.join("\n")).not.toContain("hunter2");
    await host.enroll();
    expect(shown(mirror)).toHaveLength(2);
  });

  test("of a token file open a mirror", async () => {
    using host = mirroredHost();
    await using mirror = await guardedMirror(BEARER);
    host.write("/etc/token", "abc.def\n");
    chmodSync(`${host.root}/etc/token`, 0o600);
    await host.enroll({ baseUrl: mirror.baseUrl, options: { bearerTokenFile: `${host.root}/etc/token` } });
    expect(shown(mirror)).toEqual([BEARER, BEARER]);
  });

  test("are missing: the answer names the flags", async () => {
    using host = mirroredHost();
    await using mirror = await guardedMirror(BASIC);
    await expect(host.enroll({ baseUrl: mirror.baseUrl })).rejects.toMatchObject({
      code: "E_CHECKSUM",
      message: expect.stringContaining("HTTP 401"),
      hint: expect.stringContaining("`--netrc FILE`"),
    });
  });

  test("in a file that others may read are refused before a mirror is asked", async () => {
    using host = mirroredHost();
    const options = withSecret(host, 0o644);
    await expect(host.enroll({ baseUrl: first.baseUrl, options })).rejects.toMatchObject({
      code: "E_CREDENTIALS",
      hint: expect.stringContaining("chmod 0600"),
    });
    expect(paths(first)).toEqual([]);
  });

  test.each<[string, () => Partial<EnrollRequest>]>([
    ["a release that is carried by hand", () => ({ from: release.archive })],
    ["the official CDN", () => ({ baseUrl: "" })],
    ["an image without a release", () => ({ image: { ...NO_IMAGE, isOffline: true } })],
  ])("in such a file are refused when they are given, not by the first run that needs them: %s", async (_, request) => {
    using host = mirroredHost();
    for (const options of [withSecret(host, 0o644), { clientKey: withPair(host).clientKey }]) {
      await expect(host.enroll({ ...request(), options })).rejects.toMatchObject({ code: "E_CREDENTIALS" });
      expect(host.files.stat(NAMESPACE.options)).toBeUndefined();
    }
    await host.enroll({ ...request(), options: { ...withSecret(host), ...withPair(host) } });
    chmodSync(`${host.root}/etc/netrc`, 0o644);
    await host.enroll(request());
  });

  test("of two kinds for one mirror are refused when they are given", async () => {
    using host = mirroredHost();
    host.write("/etc/token", "abc.def\n", 0o600);
    const options = { ...withSecret(host), bearerTokenFile: `${host.root}/etc/token` };
    const enrolling = host.enroll({ baseUrl: first.baseUrl, from: release.archive, options });
    await expect(enrolling).rejects.toMatchObject({ message: expect.stringContaining("both hold something") });
  });

  test.each<[string, () => Partial<EnrollRequest>]>([
    ["without a base URL", () => ({ baseUrl: "" })],
    ["that is named as one", () => ({ baseUrl: "https://CDN.teleport.dev:443/" })],
    ["behind a mirror that has nothing", () => ({ baseUrl: first.baseUrl, options: { mirrors: [CDN] } })],
  ])("never go to the official CDN, %s", async (_, request) => {
    using host = mirroredHost();
    const asked: string[][] = [];
    host.world.http = {
      get: (url, options) => {
        asked.push([
          new URL(url).host,
          ...Object.keys(options?.headers ?? {}),
          ...(options?.certificate ? ["pair"] : []),
        ]);
        return site.http.get(url, options);
      },
    };
    for (const suffix of ["", ".sha256"])
      first.respond(`${release.urlPath}${suffix}`, () => new Response(null, { status: 404 }));
    const { options, ...rest } = request();
    await host
      .enroll({ ...rest, options: { ...options, ...withSecret(host), ...withPair(host) } })
      .finally(() => ["", ".sha256"].map((suffix) => first.respond(`${release.urlPath}${suffix}`, undefined)));
    expect(asked.filter(([host]) => host === "cdn.teleport.dev")).toEqual([["cdn.teleport.dev"], ["cdn.teleport.dev"]]);
    const named = asked.filter(([host]) => host === new URL(first.baseUrl).host);
    expect(named.every((one) => one.includes("Authorization") && one.includes("pair"))).toBe(true);
  });

  test("stay behind where a redirect leads to another origin", async () => {
    using host = mirroredHost();
    await using mirror = await guardedMirror(BASIC);
    mirror.respond(release.urlPath, () => Response.redirect(`${second.baseUrl}${release.urlPath}`));
    await host.enroll({ baseUrl: mirror.baseUrl, options: withSecret(host) });
    expect(shown(mirror)).toEqual([BASIC, BASIC]);
    expect(shown(second)).toEqual([undefined]);
  });
});
