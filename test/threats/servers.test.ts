import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { reportFailure } from "../../src/cli/failure.ts";
import type { Clock } from "../../src/platform/clock.ts";
import { createLog } from "../../src/platform/consola-log.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import type { Http } from "../../src/platform/http.ts";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { quickClock } from "../support/quick-clock.ts";
import { type Site, startSite } from "../support/site.ts";
import { offlineHost, type UpdateHost } from "../support/update-host.ts";
import { type HostileServer, startHostileServer } from "./hostile-server.ts";
import { type Lie, SERVER_LIES } from "./server-lies.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

const ARCHIVE = `/teleport-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
const ADDRESSES = { find: "/webapi/find", checksum: `${ARCHIVE}.sha256`, archive: ARCHIVE } as const;
type Address = keyof typeof ADDRESSES;
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

let site: Site;
let authority: Authority;
let server: HostileServer;
let enrolled: UpdateHost;

beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
  authority = await makeAuthority();
  server = await startHostileServer(site.server, await authority.issue());
  site.server.find = advertise("18.0.0");
  enrolled = offlineHost(site, { http: network(), clock: hurriedClock() });
  await enroll(enrolled, server);
  site.server.find = advertise("18.1.0");
});
afterAll(async () => {
  enrolled[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

describe.each(Object.entries(SERVER_LIES))("[threat %s]", (_, lies) => {
  test.each(Object.keys(ADDRESSES) as Address[])("a server that lies at the address of: %s", async (address) => {
    using host = enrolledHost();
    for (const lie of lies) await refuses(host, address, lie);
    // Whatever was tried, the next good release gets in.
    await enroll(host, server);
    expect(host.config()).toContain("version: 18.1.0");
  });
});

describe("[threat tls-trust]", () => {
  test.each([
    ["untrusted", async () => (await makeAuthority("Evil\u001b[2J")).issue()],
    ["expired", () => authority.issue(undefined, "expired")],
    ["not valid yet", () => authority.issue(undefined, "not yet valid")],
    ["of another name, with escape codes in it", () => authority.issue(["evil\u001b[2J.test"])],
  ])("a certificate that is %s", async (_, certificates) => {
    await using other = await startHostileServer(site.server, await certificates());
    using host = enrolledHost();
    const before = host.tree();
    expectPlain(await failure(() => enroll(host, other)), "E_TLS");
    expect([host.tree(), other.requests]).toEqual([before, []]);
    await enroll(host, server);
  });
});

test("[threat redirects] a redirect whose own body never ends is followed", async () => {
  server.say(ADDRESSES.find, async (line) => {
    await line.write("HTTP/1.1 307 Over there\r\nLocation: /v1/webapi/find\r\nContent-Length: 100000\r\n\r\nx");
    await line.untilClosed;
  });
  using host = enrolledHost();
  await enroll(host, server);
  server.say(ADDRESSES.find, undefined);
  expect(host.config()).toContain("version: 18.1.0");
});

/** Runs `enable` against the lie; it must be named, in time, and leave the host as it was. */
async function refuses(host: UpdateHost, address: Address, { title, script, codes }: Lie): Promise<void> {
  const path = ADDRESSES[address];
  const before = host.tree();
  server.say(path, script(path));
  host.world.http = hurried(network());
  const error = await failure(() => enroll(host, server));
  server.say(path, undefined);
  host.world.http = network();
  expect({ title, code: error.code, isExpected: codes[address].includes(error.code) }).toMatchObject({
    isExpected: true,
  });
  expect(host.tree()).toEqual(before);
  expectPlain(error);
  expect(error.message).toContain("127.0.0.1");
}

/** Words that an operator can use, and that no terminal acts on, neither as they are nor as they are printed. */
function expectPlain(error: UpdateError, code = error.code): void {
  expect([error.code, error.hint ?? ""]).toEqual([code, expect.stringMatching(/./)]);
  expect(`${error.message} ${error.hint}`).not.toMatch(ACTIVE);
  for (const format of ["text", "json"] as const) {
    const log = createLog({ format, debug: true, write: (line) => expect(line.slice(0, -1)).not.toMatch(ACTIVE) });
    reportFailure(log, error);
  }
}

function enrolledHost(): UpdateHost {
  const host = offlineHost(site, { http: network(), clock: hurriedClock() });
  cpSync(enrolled.root, host.root, { recursive: true, verbatimSymlinks: true });
  return host;
}

function enroll(host: UpdateHost, { address, baseUrl }: HostileServer): Promise<void> {
  return host.enroll({ proxy: address, baseUrl });
}

function network(): Http {
  return openHttp({
    trust: () => ({ pem: authority.ca, files: ["the test's own authority"] }),
    insecure: false,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  });
}

const HURRY = 100;

/** Pauses are over at once, and time passes as in `hurried`. */
function hurriedClock(): Clock {
  const clock = quickClock();
  return { ...clock, elapsedMs: () => clock.elapsedMs() + performance.now() * HURRY };
}

/** The same limits, a hundred times as fast. */
function hurried(http: Http): Http {
  const faster = (ms: number) => ms / HURRY;
  return {
    get: (url, { timeoutMs, stallMs, floor, ...options } = {}) =>
      http.get(url, {
        ...options,
        ...(timeoutMs !== undefined && { timeoutMs: faster(timeoutMs) }),
        ...(stallMs !== undefined && { stallMs: faster(stallMs) }),
        ...(floor !== undefined && { floor: { bytes: floor.bytes / HURRY, withinMs: faster(floor.withinMs) } }),
      }),
  };
}

async function failure(action: () => Promise<void>): Promise<UpdateError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof UpdateError) return error;
    throw error;
  }
  return expect.unreachable();
}
