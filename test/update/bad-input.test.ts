import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UpdateError } from "../../src/platform/errors.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import type { World } from "../../src/platform/world.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { makeAuthority } from "../support/certificates.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise, type Handler } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
/** Enrolled into 18.0.0; every test starts from a copy of it, so that there is something to lose. */
let enrolled: UpdateHost;
const strangers = await makeAuthority("Another authority");

beforeAll(async () => {
  site = await startSite();
  for (const version of ["18.0.0", "18.1.0"]) await site.release({ version });
  await site.release({ version: "18.2.0", bad: { agent: "wrong-architecture" } });
  await site.release({ version: "18.3.0", updater: "none" });
  site.server.find = advertise("18.0.0");
  enrolled = offlineHost(site);
  await enrolled.enroll();
});
afterAll(async () => {
  enrolled[Symbol.dispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(() => {
  site.server.find = advertise("18.1.0");
});

const LINKS = "/usr/local/bin";
const ARCHIVE = `/teleport-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
const SPEC = ["proxy: PROXY", "path: /usr/local/bin", "enabled: true", "pinned: false"];
const ACTIVE = ["active:", "    version: 18.0.0"];

interface Row {
  /** What is wrong with the host. */
  host?: (host: UpdateHost) => void;
  /** What the server answers for some paths. */
  answers?: () => Record<string, Handler>;
  world?: () => Partial<World>;
  request?: () => Partial<EnrollRequest>;
  code: UpdateError["code"];
  /** Words that the message must hold: the path, name or address, and the reason. */
  says: string[];
  /** Asked of the network; left out where it does not matter. */
  requests?: string[];
}

const find = (answer: () => Response) => () => ({ "/webapi/find": answer });

const ROWS: Record<string, Row> = {
  "update.yaml is no YAML": {
    host: (host) => host.setConfig("version: v1\nspec: [\n"),
    code: "E_CONFIG_READ",
    says: [NAMESPACE.config, "line"],
    requests: [],
  },
  "[core 7.7 invalid metadata] update.yaml has neither kind nor version": {
    host: (host) => host.setConfig('version: ""\nkind: ""\n'),
    code: "E_CONFIG_READ",
    says: [NAMESPACE.config, "invalid kind"],
    requests: [],
  },
  "update.yaml is of another kind": {
    host: (host) => host.setConfig("version: v1\nkind: other\n"),
    code: "E_CONFIG_READ",
    says: [NAMESPACE.config, "invalid kind"],
    requests: [],
  },
  "update.yaml is of a later version": {
    host: (host) => host.setConfig("version: v2\nkind: update_config\n"),
    code: "E_CONFIG_READ",
    says: [NAMESPACE.config, "invalid version"],
    requests: [],
  },
  "update.yaml is a directory": {
    host: ({ files }) => {
      files.removeFile(NAMESPACE.config);
      files.makeDirectory(NAMESPACE.config);
    },
    code: "E_CONFIG_READ",
    says: [NAMESPACE.config],
    requests: [],
  },
  "[core 7.7 insecure URL] in update.yaml": {
    host: (host) => host.setConfig(updateYaml([...SPEC, "base_url: http://mirror.test"], ACTIVE)),
    request: () => ({ baseUrl: "" }),
    code: "E_BASE_URL",
    says: ["http://mirror.test", "does not begin with `https://`"],
    requests: [],
  },
  "an insecure URL is given": {
    request: () => ({ baseUrl: "http://mirror.test" }),
    code: "E_BASE_URL",
    says: ["http://mirror.test", "does not begin with `https://`"],
    requests: [],
  },
  "the options file cannot be parsed": {
    host: (host) => host.write(NAMESPACE.options, "version: v1\nkind: [\n"),
    request: () => ({ options: { caFile: "default" } }),
    code: "E_OPTIONS_READ",
    says: [NAMESPACE.options],
  },
  "the lock is a symbolic link": {
    host: (host) => host.link(NAMESPACE.lock, "/etc/passwd"),
    code: "E_LOCK",
    says: [NAMESPACE.lock, "symbolic link"],
    requests: [],
  },
  "the suffix is reserved": {
    request: () => ({ namespace: namespaceFor("system") }),
    code: "E_NAMESPACE",
    says: ["`system`", "reserved"],
    requests: [],
  },
  "the suffix has an underscore": {
    request: () => ({ namespace: namespaceFor("a_b") }),
    code: "E_NAMESPACE",
    says: ["a_b", "alphanumeric"],
    requests: [],
  },
  "no proxy is known": {
    host: (host) => host.setConfig(updateYaml(['proxy: ""', ...SPEC.slice(1)], ACTIVE)),
    request: () => ({ proxy: "" }),
    code: "E_PROXY_ADDRESS",
    says: ["no proxy address"],
    requests: [],
  },
  "the agent follows another proxy": {
    host: (host) => host.write("/etc/teleport.yaml", "teleport:\n  proxy_server: other.test:443\n"),
    code: "E_PROXY_CONFLICT",
    says: ["other.test:443", "/etc/teleport.yaml"],
    requests: [],
  },
  "the path is relative": {
    request: () => ({ path: "bin" }),
    code: "E_PATH",
    says: ['"bin"'],
    requests: [],
  },
  "the forced version is none": {
    request: () => ({ forceVersion: "18.x" }),
    code: "E_VERSION",
    says: ["--force-version", "18.x"],
  },
  "nobody listens at the proxy's address": {
    request: () => ({ proxy: "127.0.0.1:1" }),
    code: "E_NETWORK",
    says: ["127.0.0.1:1"],
  },
  "the proxy's certificate is not trusted": {
    world: () => {
      const trust = () => ({ pem: strangers.ca, files: ["/etc/ssl/strangers.pem"] });
      return { http: openHttp({ trust, insecure: false, proxies: { httpsProxy: "", httpProxy: "", noProxy: "" } }) };
    },
    code: "E_TLS",
    says: ["127.0.0.1", "/etc/ssl/strangers.pem"],
  },
  "the proxy answers with a web page": {
    answers: find(() => new Response("<!doctype html><p>Sign in", { headers: { "content-type": "text/html" } })),
    code: "E_FIND",
    says: ["127.0.0.1", "web page"],
  },
  "the proxy has no such place": {
    answers: find(() => Response.json({ error: { message: "not found" } }, { status: 404 })),
    code: "E_FIND",
    says: ["127.0.0.1", "404"],
  },
  "the cluster names no version": {
    answers: find(() => Response.json({ edition: "community" })),
    code: "E_NO_TARGET",
    says: ["not available from the cluster"],
  },
  "the cluster names a path for a version": {
    answers: find(() => Response.json(advertise("18.1.0/../../etc"))),
    code: "E_VERSION",
    says: ["127.0.0.1", "18.1.0/../../etc"],
  },
  "[core 7.7 agpl without base URL]": {
    answers: find(() => Response.json(advertise("18.1.0", { edition: "oss" }))),
    host: (host) => host.setConfig(updateYaml(SPEC, ACTIVE)),
    request: () => ({ baseUrl: "" }),
    code: "E_BASE_URL",
    says: ["AGPL"],
    requests: ["/webapi/find?group=default"],
  },
  "the checksum is missing": {
    answers: () => ({ [`${ARCHIVE}.sha256`]: () => new Response(null, { status: 404 }) }),
    code: "E_CHECKSUM",
    says: [`${ARCHIVE}.sha256`],
  },
  "the checksum is a web page": {
    answers: () => ({ [`${ARCHIVE}.sha256`]: () => new Response("<html>".repeat(20)) }),
    code: "E_CHECKSUM",
    says: [`${ARCHIVE}.sha256`, "<html>"],
  },
  "[core 7.7 install error] the default CDN has no such release": {
    host: (host) => host.setConfig(updateYaml(SPEC, ACTIVE)),
    answers: () => ({ [ARCHIVE]: () => new Response(null, { status: 404 }) }),
    request: () => ({ baseUrl: "" }),
    code: "E_DOWNLOAD",
    says: [`https://cdn.teleport.dev${ARCHIVE}`, "404"],
    requests: ["/webapi/find?group=default", `cdn.teleport.dev${ARCHIVE}.sha256`, `cdn.teleport.dev${ARCHIVE}`],
  },
  "the archive is not whole, and published like that": {
    answers: () => {
      const part = readArchive("18.1.0").subarray(0, 1_000_000);
      const digest = new Bun.CryptoHasher("sha256").update(part).digest("hex");
      return { [ARCHIVE]: () => new Response(part), [`${ARCHIVE}.sha256`]: () => new Response(digest) };
    },
    code: "E_ARCHIVE",
    says: ["archive is damaged", "cut short"],
  },
  "the archive is another than the one published": {
    answers: () => ({ [ARCHIVE]: () => new Response(readArchive("18.0.0")) }),
    code: "E_CHECKSUM",
    says: [ARCHIVE, "SHA-256"],
  },
  "[threat program-fit] a program is for another processor": {
    request: () => ({ forceVersion: "18.2.0" }),
    code: "E_PROGRAM",
    says: ["bin/teleport", "and this host is"],
  },
  "the release has no updater to hand over to": {
    request: () => ({ handOver: true, forceVersion: "18.3.0" }),
    code: "E_NO_PROGRAMS",
    says: ["18.3.0", "hand over"],
  },
  "the mirror has another archive of the version that is linked": {
    host: (host) => host.write(`${NAMESPACE.versions}/18.0.0/sha256`, "a".repeat(64)),
    request: () => ({ forceVersion: "18.0.0" }),
    code: "E_STILL_LINKED",
    says: ["18.0.0", "differs"],
  },
  "a file that nobody of us made is where a link must go": {
    host: ({ files, write }) => {
      files.removeFile(`${LINKS}/tsh`);
      write(`${LINKS}/tsh`, "by hand", 0o755);
    },
    code: "E_FILE_PRESENT",
    says: [`${LINKS}/tsh`],
  },
  "a directory is where a link must go": {
    host: ({ files }) => {
      files.removeFile(`${LINKS}/tsh`);
      files.makeDirectory(`${LINKS}/tsh`);
    },
    request: () => ({ overwrite: true }),
    code: "E_FILE_PRESENT",
    says: [`${LINKS}/tsh`, "directory"],
  },
  "the agent's unit is masked": {
    host: (host) => host.link(NAMESPACE.teleport.unitFile, "/dev/null"),
    code: "E_IRREGULAR_FILE",
    says: [NAMESPACE.teleport.unitFile],
  },
  "the timer is a directory": {
    host: ({ files }) => {
      files.removeFile(NAMESPACE.updaterTimer);
      files.makeDirectory(NAMESPACE.updaterTimer);
    },
    code: "E_IRREGULAR_FILE",
    says: [NAMESPACE.updaterTimer],
  },
};

test.each(Object.entries(ROWS))("%s", async (_, row) => {
  using host = offlineHost(site, row.world?.());
  await shows(host, row);
});

test("the disk is too full", async () => {
  using host = offlineHost(site);
  host.world.files = { ...host.files, freeBytes: () => 200_000_000 };
  await shows(host, { code: "E_NO_SPACE", says: [NAMESPACE.directory, "200000000"] });
});

test("the default CDN is not reached, and the hint names the two ways around it", async () => {
  const failure = new UpdateError("E_NETWORK", "cannot fetch", { hint: "check the name" });
  const http: World["http"] = {
    get: (url, options) => (url.includes("cdn.") ? Promise.reject(failure) : site.http.get(url, options)),
  };
  using host = offlineHost(site, { http });
  host.setConfig(updateYaml(SPEC, ACTIVE));
  const { hint } = await attempt(() => host.enroll({ baseUrl: "" }));
  expect(hint).toBe("check the name; or name a mirror with `--base-url URL`, or a folder with `--from PATH`");
});

test("a teleport.yaml that cannot be read is no reason to fail, and is told as it would have named the proxy", async () => {
  const path = NAMESPACE.teleport.config;
  using host = offlineHost(site);
  host.write(path, "teleport:\n  proxy_server: [\n");
  const { code, hint } = await attempt(() => host.enroll({ proxy: "" }));
  expect([code, hint]).toEqual([
    "E_PROXY_ADDRESS",
    `mend \`${host.root}${path}\`, which cannot be read, or name the Teleport proxy with \`teleport-update enable --proxy HOST:PORT\``,
  ]);
  host.world.log.lines.length = 0;
  await host.enroll();
  expect(host.world.log.lines.filter((line) => line.includes("agent's own configuration"))).toEqual([
    `WARN The agent's own configuration cannot be read: neither its proxy nor its data directory counts. path:${host.root}${path} error:line 3 is not valid YAML (BAD_INDENT)`,
  ]);
});

/** The failure tells what and where and what to do, and the host is as it was. */
async function shows(host: UpdateHost, row: Row): Promise<void> {
  cpSync(enrolled.root, host.root, { recursive: true, verbatimSymlinks: true });
  row.host?.(host);
  const before = host.tree();
  const answers = Object.entries(row.answers?.() ?? {});
  for (const [path, handler] of answers) site.server.respond(path, handler);
  site.takeRequests();
  const failure = await attempt(() => host.enroll(row.request?.()));
  for (const [path] of answers) site.server.respond(path, undefined);

  expect(failure.code).toBe(row.code);
  for (const words of row.says) expect(failure.message).toContain(words);
  expect(failure.message).toMatch(/^[a-z`].*[^.]$/s);
  expect(failure.hint ?? "").not.toBe("");
  expect(host.tree()).toEqual(before);
  if (row.requests !== undefined) expect(site.takeRequests()).toEqual(row.requests);
}

async function attempt(action: () => Promise<void>): Promise<UpdateError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof UpdateError) return error;
    throw error;
  }
  return expect.unreachable();
}

function readArchive(version: string): Buffer {
  return readFileSync(join(site.server.releases ?? "", ARCHIVE.replace("18.1.0", version)));
}
