import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { ErrorCode } from "../../src/platform/errors.ts";
import type { GivenOptions } from "../../src/settings/options.ts";
import { formatHistory, readHistory } from "../../src/update/history.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { formatStatus } from "../../src/update/status-format.ts";
import { makeAuthority } from "../support/certificates.ts";
import { advertise, type ProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { secretTraces } from "../support/secret-traces.ts";
import { type Site, startSite } from "../support/site.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";
import { NAMESPACE, servingHost, type UpdateHost } from "../support/update-host.ts";
import { runUpdater } from "../support/updater-run.ts";

setDefaultTimeout(60_000);

const TOKEN = "C4naryT0ken.abc";
const PASSWORD = "C4naryPassw0rd";
const BASIC = btoa(`lab:${PASSWORD}`);

/** How a mirror is opened: what lies in the files of the host, and what the mirror is shown. */
interface Credential {
  flags: Record<string, string>;
  options: (path: (name: string) => string) => GivenOptions;
  files: Record<string, string>;
  authorization: string | null;
}

let site: Site;
let mirror: ProxyAndCdn;
let credentials: Record<"a token" | "a netrc" | "a client key", Credential>;
let traces: ReturnType<typeof secretTraces>;
/** Versions whose archive the mirror does not give away, but for an error that tells what it was shown. */
const failing = new Set<string>();

beforeAll(async () => {
  site = await startSite();
  mirror = await site.mirror();
  const { cert, key } = await (await makeAuthority("Clients")).issueClient("host");
  credentials = {
    "a token": {
      flags: { "--bearer-token-file": "token" },
      options: (path) => ({ bearerTokenFile: path("token") }),
      files: { token: `${TOKEN}\n` },
      authorization: `Bearer ${TOKEN}`,
    },
    "a netrc": {
      flags: { "--netrc": "netrc" },
      options: (path) => ({ netrcFile: path("netrc") }),
      files: { netrc: `machine 127.0.0.1 login lab password ${PASSWORD}\n` },
      authorization: `Basic ${BASIC}`,
    },
    "a client key": {
      flags: { "--client-cert": "cert", "--client-key": "key" },
      options: (path) => ({ clientCertificate: path("cert"), clientKey: path("key") }),
      files: { cert, key },
      authorization: null,
    },
  };
  const linesOfKey = key.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  traces = secretTraces([TOKEN, PASSWORD, BASIC, ...linesOfKey]);
  for (const version of ["18.0.0", "18.1.0", "18.2.0"]) {
    const release = await site.release({ version });
    for (const suffix of ["", ".sha256"]) {
      mirror.respond(`${release.urlPath}${suffix}`, (request) => {
        const shown = request.headers.get("authorization");
        const isOpen = shown === authorization && (suffix !== "" || !failing.has(version));
        return isOpen ? new Response(Bun.file(`${release.archive}${suffix}`)) : echo(shown);
      });
    }
  }
});
afterAll(async () => {
  await mirror?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

/** What opens the mirror in this test. */
let authorization: string | null;
beforeEach(() => {
  failing.clear();
  site.server.find = advertise("18.0.0");
});

function echo(shown: string | null): Response {
  const headers = { "www-authenticate": `Basic realm="${shown}"`, server: `${shown}`, "retry-after": `${shown}` };
  return new Response(`not with ${shown}`, { status: 403, headers });
}

function place(host: TemporaryHost, { files }: Credential): Record<string, string> {
  const paths = Object.keys(files).map((name) => [name, join(host.root, "etc/secrets", name)]);
  for (const [name, content] of Object.entries(files)) host.write(`/etc/secrets/${name}`, content, 0o600);
  return Object.fromEntries(paths);
}

/** Files of the host that hold a secret, but for those that the operator gave. */
const holders = (host: TemporaryHost) =>
  traces.filesIn(host.root, "all").filter((path) => !path.startsWith(join(host.root, "etc/secrets/")));

const KINDS = ["a token", "a netrc", "a client key"] as const;

describe("a whole life by the command line", () => {
  test.each(KINDS)("[threat no-secrets] tells nothing of %s, and leaves it nowhere", async (kind) => {
    using host = temporaryHost();
    const credential = credentials[kind];
    const paths = place(host, credential);
    ({ authorization } = credential);
    host.write("/etc/ca.pem", site.server.ca);
    const flags = Object.entries(credential.flags).flatMap(([flag, name]) => [flag, paths[name] ?? ""]);
    const base = ["--base-url", mirror.baseUrl, "--ca-file", join(host.root, "etc/ca.pem")];
    const run = async (words: readonly string[], exitCode = 0) => {
      const { said, ...outcome } = await runUpdater(host.root, words);
      const told = said.split("\n").filter(traces.tells);
      expect({ words, ...outcome, told, holders: holders(host) }).toMatchObject({
        ...{ words, exitCode, told: [], holders: [] },
      });
      return said;
    };

    await run(["enable", "--proxy", site.server.address, ...base, ...flags]);
    expect(await run(["status"])).toContain("18.0.0");
    site.server.find = advertise("18.1.0");
    await run(["update", "--now"]);
    expect(await run(["history"])).toContain("18.1.0");
    failing.add("18.2.0");
    site.server.find = advertise("18.2.0");
    expect(await run(["update", "--now"], 1)).toContain("HTTP 403");
    await run(["pin", "--force-version", "18.2.0"], 1);
    for (const words of [["history"], ["status"], ["verify"], ["disable"], ["uninstall", "--force"]]) await run(words);
  });

  const inside = (path: string) => (host: TemporaryHost) => join(host.root, path);
  const NETRC = inside("etc/secrets/netrc");
  const SPOILED: Record<string, [Credential["files"], (host: TemporaryHost) => string[], mode?: number]> = {
    "a netrc that lacks a word": [
      { netrc: `machine 127.0.0.1 login lab ${PASSWORD}\n` },
      (host) => ["--netrc", NETRC(host)],
    ],
    "a netrc whose quotes do not end": [
      { netrc: `machine 127.0.0.1 login lab password "${PASSWORD}\n` },
      (host) => ["--netrc", NETRC(host)],
    ],
    "a netrc that others may read": [
      { netrc: `machine 127.0.0.1 login lab password ${PASSWORD}\n` },
      (host) => ["--netrc", NETRC(host)],
      0o640,
    ],
    "a token of two words": [
      { token: `${TOKEN} ${TOKEN}\n` },
      (host) => ["--bearer-token-file", inside("etc/secrets/token")(host)],
    ],
    "a token and a netrc": [
      { token: `${TOKEN}\n`, netrc: `machine 127.0.0.1 login lab password ${PASSWORD}\n` },
      (host) => ["--bearer-token-file", inside("etc/secrets/token")(host), "--netrc", NETRC(host)],
    ],
    "a certificate that is a password": [
      { cert: `${PASSWORD}\n`, key: `${PASSWORD}\n` },
      (host) => ["--client-cert", inside("etc/secrets/cert")(host), "--client-key", inside("etc/secrets/key")(host)],
    ],
    "a key that is spoiled": [
      { cert: "CERT", key: `-----BEGIN PRIVATE KEY-----\n${PASSWORD}\n-----END PRIVATE KEY-----\n` },
      (host) => ["--client-cert", inside("etc/secrets/cert")(host), "--client-key", inside("etc/secrets/key")(host)],
    ],
  };
  test.each(Object.keys(SPOILED))("[threat no-secrets] what cannot be used is not shown: %s", async (name) => {
    using host = temporaryHost();
    const [files, flags, mode = 0o600] = SPOILED[name] ?? expect.unreachable();
    const { cert = "" } = credentials["a client key"].files;
    for (const [file, text] of Object.entries(files))
      host.write(`/etc/secrets/${file}`, text.replace("CERT", cert), mode);
    host.write("/etc/ca.pem", site.server.ca);
    const base = ["--base-url", mirror.baseUrl, "--ca-file", join(host.root, "etc/ca.pem")];
    const words = ["enable", "--proxy", site.server.address, ...base, ...flags(host)];
    const { said, code, exitCode } = await runUpdater(host.root, words);
    expect({ code, exitCode, told: said.split("\n").filter(traces.tells), holders: holders(host) }).toEqual({
      ...{ code: "E_CREDENTIALS", exitCode: 1, told: [], holders: [] },
    });
  });
});

describe("on a host that runs", () => {
  /** All that is given to programs and written to files from here on. */
  function spyOn({ world }: UpdateHost): { given: string[]; written: Map<string, string> } {
    const { files, processes } = world;
    const [given, written]: [string[], Map<string, string>] = [[], new Map()];
    const note = (path: string, text: string) => written.set(path, `${written.get(path) ?? ""}${text}`);
    world.processes = {
      ...processes,
      run: (argv, options) => {
        given.push(JSON.stringify([argv, options?.environment]));
        return processes.run(argv, options);
      },
    };
    world.files = {
      ...files,
      writeFile: (path, content, mode) => {
        note(path, content);
        files.writeFile(path, content, mode);
      },
      appendFile: (path, text) => {
        note(path, text);
        files.appendFile(path, text);
      },
    };
    return { given, written };
  }

  test.each(KINDS)("[threat no-secrets] no program, file, journal or history gets %s", async (kind) => {
    using host = await servingHost(site);
    const credential = credentials[kind];
    place(host, credential);
    ({ authorization } = credential);
    const { given, written } = spyOn(host);
    const failures: string[] = [];
    const failed = async (action: Promise<void>, code: ErrorCode) => {
      const failure: unknown = await action.then(
        () => expect.unreachable(),
        (error) => error,
      );
      expect(failure).toMatchObject({ code });
      for (let at: unknown = failure; at instanceof Error; at = at.cause) {
        failures.push(`${at.stack} ${"hint" in at ? at.hint : ""} ${JSON.stringify(at)}`);
      }
    };

    // Its tree passes for the machine's.
    const options = credential.options((name) => `/etc/secrets/${name}`);
    const request = { baseUrl: mirror.baseUrl, options, debug: true };
    host.write("/run/bad-version", "18.1.0");
    await failed(host.enroll({ ...request, forceVersion: "18.1.0" }), "E_BROKEN_RELEASE");
    host.files.removeFile("/run/bad-version");
    await host.enroll({ ...request, forceVersion: "18.1.0" });
    failing.add("18.2.0");
    site.server.find = advertise("18.2.0");
    await failed(host.update(), "E_DOWNLOAD");
    failing.clear();
    await host.update();

    const shown = mirror.requests.splice(0).map(({ headers }) => headers["authorization"] ?? null);
    expect(shown).toContain(authorization);
    expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.2.0/");
    const history = formatHistory(readHistory(host.files, NAMESPACE));
    expect(history).toContain("failed");
    for (const path of [NAMESPACE.config, NAMESPACE.options, journalPath(NAMESPACE)])
      expect([...written.keys()]).toContain(path);
    expect([given.length > 10, failures.length > 1]).toEqual([true, true]);
    const said = [...host.world.log.lines, ...failures, history, formatStatus(await host.status())];
    expect([...said, ...given, ...written.values()].filter(traces.tells)).toEqual([]);
    expect(holders(host)).toEqual([]);
  });
});
