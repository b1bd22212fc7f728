import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { LOCAL_NAMES, makeAuthority } from "../support/certificates.ts";
import { type ConnectProxy, startConnectProxy } from "../support/connect-proxy.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { makeRelease } from "../support/release-maker.ts";
import { secretTraces } from "../support/secret-traces.ts";
import { type Site, startSite } from "../support/site.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";
import { NAMESPACE, servingHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";
import { runUpdater } from "../support/updater-run.ts";

setDefaultTimeout(60_000);

/** A password that is nowhere by chance, and what it looks like in a header. */
const SECRET = "C4naryPassw0rd";
const CREDENTIALS = `user:${SECRET}`;
const { tells, filesIn } = secretTraces([SECRET, btoa(CREDENTIALS)]);

const CLUSTER = "cluster.test";
const ARCHIVE = "/teleport-v18.1.0-linux-amd64-bin.tar.gz".replace(
  "amd64",
  process.arch === "arm64" ? "arm64" : "amd64",
);

let server: ProxyAndCdn;
let tunnel: ConnectProxy;
let outside: TemporaryHost;
beforeAll(async () => {
  outside = temporaryHost();
  await makeRelease({ directory: outside.root, version: "18.1.0" });
  const certificates = await (await makeAuthority()).issue([...LOCAL_NAMES, CLUSTER]);
  server = await startProxyAndCdn({ certificates, releases: outside.root });
  server.find = advertise("18.1.0");
  outside.write("/ca.pem", server.ca);
  tunnel = await startConnectProxy({ route: () => server.address, credentials: CREDENTIALS });
});
afterAll(async () => {
  await tunnel?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  outside?.[Symbol.dispose]();
});

/** Through the tunnel, with its password. */
const run = (host: TemporaryHost, words: readonly string[], environment: Record<string, string> = {}) =>
  runUpdater(host.root, words, {
    HTTPS_PROXY: `http://${CREDENTIALS}@${tunnel.address}`,
    NO_PROXY: `${CREDENTIALS}@elsewhere.test`,
    ...environment,
  });

const at = () => `https://${CLUSTER}:${new URL(server.baseUrl).port}`;
const enable = (caFile = join(outside.root, "ca.pem")) => [
  ...["enable", "--proxy", at().replace("https://", ""), "--base-url", at(), "--ca-file", caFile],
];

const openFiles = (folder: string) => filesIn(folder, "open");

const serveArchiveAt = (path: string) => {
  server.respond(path, () => new Response(Bun.file(join(outside.root, ARCHIVE))));
};

describe("a password is in no line, no error and no file that all may read", () => {
  test("[threat no-secrets] of a CONNECT proxy, of a redirect, of the agent and of the bot, when all goes well", async () => {
    using host = temporaryHost();
    host.write(
      "/etc/teleport.yaml",
      `teleport:\n  join_params:\n    token_name: ${SECRET}\n  ca_pin: ${SECRET}\n`,
      0o600,
    );
    host.write("/etc/tbot.yaml", `onboarding:\n  token: ${SECRET}\n`, 0o600);
    host.write("/etc/ca.pem", server.ca);
    serveArchiveAt("/elsewhere");
    const location = `https://${CREDENTIALS}@${at().slice("https://".length)}/elsewhere`;
    server.respond(ARCHIVE, () => new Response(null, { status: 302, headers: { location } }));
    const first = [...enable(join(host.root, "etc/ca.pem")), "--proxy-env"];
    for (const words of [first, ["status"], ["update"], ["pin"], ["unpin"], ["disable"], ["uninstall", "--force"]]) {
      const { exitCode, said } = await run(host, words);
      expect({ words, exitCode, tells: tells(said), open: openFiles(host.root) }).toEqual({
        words,
        exitCode: 0,
        tells: false,
        open: [],
      });
    }
    server.respond(ARCHIVE, undefined);
    expect(tunnel.requests.length).toBeGreaterThan(0);
  });

  const redirectTo = (location: () => string) => () => {
    server.respond(ARCHIVE, () => new Response(null, { status: 302, headers: { location: location() } }));
  };
  const failWith = (status: number) => () => server.respond(ARCHIVE, () => new Response(SECRET, { status }));
  const config = (path: string, text: string) => (host: TemporaryHost) => host.write(path, text, 0o600);
  const kept = (key: "proxy" | "base_url", value: () => string) => (host: TemporaryHost) => {
    const spec = {
      proxy: at(),
      path: "/usr/local/bin",
      base_url: at(),
      enabled: "true",
      pinned: "false",
      [key]: value(),
    };
    const lines = Object.entries(spec).map(([name, text]) => `${name}: ${text}`);
    host.write(NAMESPACE.config, updateYaml(lines, ["active:", '    version: ""']), 0o600);
  };
  const enableKept = () => ["enable", "--ca-file", join(outside.root, "ca.pem")];
  const enableNothing = () => ["enable"];
  const keepProxy = () => ["enable", "--proxy", "p", "--proxy-env"];

  interface Row {
    code: string;
    words?: () => string[];
    prepare?: (host: TemporaryHost) => unknown;
    /** `PROXY` is the address of the tunnel. */
    environment?: Record<string, string>;
  }
  const rows: Record<string, Row> = {
    "of a CONNECT proxy that wants another": {
      code: "E_CONNECT_PROXY",
      environment: { HTTPS_PROXY: `http://other:${SECRET}@PROXY` },
    },
    "of a CONNECT proxy that is not there": {
      code: "E_CONNECT_PROXY",
      environment: { HTTPS_PROXY: `http://${CREDENTIALS}@127.0.0.1:1` },
    },
    "of a CONNECT proxy of another kind": {
      code: "E_CONNECT_PROXY",
      environment: { HTTPS_PROXY: `socks5://${CREDENTIALS}@PROXY` },
    },
    "of a CONNECT proxy that is no address": {
      code: "E_CONNECT_PROXY",
      environment: { HTTPS_PROXY: `http://${CREDENTIALS}@:x` },
    },
    "of a CONNECT proxy that is to be kept, and is no address": {
      code: "E_CONNECT_PROXY",
      words: keepProxy,
      environment: { HTTP_PROXY: `http://${CREDENTIALS}@:x` },
    },
    "of a CONNECT proxy that is to be kept, and cannot be": {
      code: "E_CONNECT_PROXY",
      words: keepProxy,
      environment: { NO_PROXY: `a\n${SECRET}` },
    },
    "of a CONNECT proxy that is kept in words of somebody else": {
      code: "E_OPTIONS_READ",
      words: enable,
      prepare: config(NAMESPACE.proxyEnvironment, `export HTTPS_PROXY=${SECRET}\n`),
    },
    "in a base URL": {
      code: "E_BASE_URL",
      words: () => ["enable", "--proxy", "p", "--base-url", `https://${CREDENTIALS}@m.test`],
    },
    "in a base URL that is none": {
      code: "E_BASE_URL",
      words: () => ["enable", "--proxy", "p", "--base-url", `https://user:a/${SECRET}@m.test`],
    },
    "in a base URL of the environment": {
      code: "E_BASE_URL",
      words: enableNothing,
      environment: { TELEPORT_CDN_BASE_URL: `https://${CREDENTIALS}@m.test` },
    },
    "in a base URL that is kept, which has no such release": {
      code: "E_DOWNLOAD",
      words: enableKept,
      prepare: (host) => {
        kept("base_url", () => at().replace("https://", `https://${CREDENTIALS}@`))(host);
        failWith(404)();
      },
    },
    "in a base URL that is kept, which has no checksum": {
      code: "E_CHECKSUM",
      words: enableKept,
      prepare: kept("base_url", () => `${at().replace("https://", `https://${CREDENTIALS}@`)}/none`),
    },
    "in a proxy address": {
      code: "E_PROXY_ADDRESS",
      words: () => ["enable", "--proxy", `https://${CREDENTIALS}@p.test`],
    },
    "in a proxy address of the environment": {
      code: "E_PROXY_ADDRESS",
      words: enableNothing,
      environment: { TELEPORT_PROXY: `${CREDENTIALS}@p.test` },
    },
    "in a proxy address that is kept": {
      code: "E_PROXY_ADDRESS",
      words: enableKept,
      prepare: kept("proxy", () => `https://${CREDENTIALS}@p.test`),
    },
    "in a proxy address that is kept, against that of the agent": {
      code: "E_PROXY_CONFLICT",
      words: enableKept,
      prepare: (host) => {
        kept("proxy", () => `https://${CREDENTIALS}@p.test`)(host);
        config("/etc/teleport.yaml", "teleport:\n  proxy_server: other.test:443\n")(host);
      },
    },
    "in a proxy address that is kept, against that of the agent, at an update": {
      code: "E_PROXY_ADDRESS",
      words: () => ["update", "--now"],
      prepare: (host) => {
        kept("proxy", () => `https://${CREDENTIALS}@p.test`)(host);
        config("/etc/teleport.yaml", "teleport:\n  proxy_server: other.test:443\n")(host);
      },
    },
    "in a proxy address that is kept, for `status`": {
      code: "E_PROXY_ADDRESS",
      words: () => ["status"],
      prepare: kept("proxy", () => `https://${CREDENTIALS}@p.test`),
    },
    "in a redirect to http": { code: "E_NETWORK", prepare: redirectTo(() => `http://${CREDENTIALS}@m.test/`) },
    "in a redirect to another scheme": { code: "E_NETWORK", prepare: redirectTo(() => `ftp://${CREDENTIALS}@m.test/`) },
    "in a redirect to nowhere": { code: "E_NETWORK", prepare: redirectTo(() => `https://${CREDENTIALS}@/`) },
    "in a redirect without end": {
      code: "E_NETWORK",
      prepare: redirectTo(() => `${at().replace("https://", `https://${CREDENTIALS}@`)}${ARCHIVE}`),
    },
    "in the page of an error": { code: "E_DOWNLOAD", prepare: failWith(500) },
    "in a `teleport.yaml` that cannot be read": {
      code: "E_PROXY_ADDRESS",
      words: enableNothing,
      prepare: config("/etc/teleport.yaml", `teleport:\n  auth_token: *${SECRET}\n`),
    },
    "in a `teleport.yaml` that is cut": {
      code: "E_PROXY_ADDRESS",
      words: enableNothing,
      prepare: config("/etc/teleport.yaml", `teleport:\n  auth_token: "${SECRET}\n`),
    },
    "in a `teleport.yaml` that is nothing else": {
      code: "E_PROXY_ADDRESS",
      words: enableNothing,
      prepare: config("/etc/teleport.yaml", `teleport: {}\n${SECRET}\n`),
    },
    "in the proxy of a `teleport.yaml`": {
      code: "E_PROXY_ADDRESS",
      words: enableNothing,
      prepare: config("/etc/teleport.yaml", `teleport:\n  proxy_server: ${CREDENTIALS}@p.test\n`),
    },
    "in a `tbot.yaml` that cannot be read": {
      code: "E_PROXY_ADDRESS",
      words: enableNothing,
      prepare: config("/etc/tbot.yaml", `onboarding:\n  token: !${SECRET} {\n`),
    },
  };
  test.each(Object.entries(rows))("[threat no-secrets] %s", async (_, row) => {
    using host = temporaryHost();
    row.prepare?.(host);
    const environment = Object.entries(row.environment ?? {}).map(([name, value]) => [
      name,
      value.replace("PROXY", tunnel.address),
    ]);
    const { exitCode, code, said } = await run(host, (row.words ?? enable)(), Object.fromEntries(environment));
    server.respond(ARCHIVE, undefined);
    expect({ exitCode, code, lines: said.split("\n").filter(tells), open: openFiles(host.root) }).toEqual({
      exitCode: 1,
      code: row.code,
      lines: [],
      open: [],
    });
    expect(said).toContain("hint");
  });
});

describe("on a host that runs", () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite();
    await Promise.all([site.release({ version: "18.0.0" }), site.release({ version: "18.1.0" })]);
  });
  afterAll(() => site[Symbol.asyncDispose]());

  test("[threat no-secrets] no program gets one in its words or its environment, and no copy of a private file is open", async () => {
    using host = await servingHost(site);
    const { processes } = host.world;
    const given: string[] = [];
    host.world.processes = {
      ...processes,
      run: (argv, options) => {
        given.push(JSON.stringify([argv, options?.environment]));
        return processes.run(argv, options);
      },
    };
    const [, config = ""] = [host.config(), host.read(NAMESPACE.config)];
    const baseUrl = site.server.baseUrl.replace("https://", `https://${CREDENTIALS}@`);
    host.files.writeFile(NAMESPACE.config, config.replace(/base_url: .*/, `base_url: ${baseUrl}`));
    chmodSync(join(host.root, NAMESPACE.config), 0o600);
    const keptUrl: Partial<EnrollRequest> = { baseUrl: "", debug: true };
    host.write("/run/bad-version", "18.1.0");
    await expect(host.enroll({ ...keptUrl, forceVersion: "18.1.0" })).rejects.toThrow();
    host.files.removeFile("/run/bad-version");
    await host.enroll({ ...keptUrl, forceVersion: "18.1.0" });

    expect(given.length).toBeGreaterThan(5);
    expect(given.filter(tells)).toEqual([]);
    expect(host.world.log.lines.filter(tells)).toEqual([]);
    expect(existsSync(join(host.root, NAMESPACE.config)) && tells(host.read(NAMESPACE.config))).toBeTrue();
    expect(openFiles(host.root)).toEqual([]);
  });
});
