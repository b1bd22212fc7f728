import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { teleportDropIn, updaterUnit } from "../../src/host/unit-files.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { knownRefusedNames } from "../../src/settings/refused-variables.ts";
import { revision } from "../../src/settings/revision.ts";
import { LOCAL_NAMES, makeAuthority } from "../support/certificates.ts";
import { type ConnectProxy, startConnectProxy } from "../support/connect-proxy.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { runTimer, timerHeldBack, UPDATER_UNIT } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

const [OLD, NEW] = ["18.1.0", "18.2.0"];
const CLUSTER = "cluster.test";
const SECRET = "C4naryPassw0rd";
const CREDENTIALS = `user:${SECRET}`;
const { updaterDropIn, proxyEnvironment } = namespaceFor("");

/** What would act on the updater before its first line, or on its trust. */
const HOSTILE = [
  ...["BUN_OPTIONS=--version", "BUN_BE_BUN=1", "BUN_BYTECODE_ORDER_OUT=/etc/planted", "LD_PRELOAD=/nonexistent.so"],
  ...["NODE_TLS_REJECT_UNAUTHORIZED=0", "NODE_EXTRA_CA_CERTS=/nonexistent.pem", "SSL_CERT_FILE=/nonexistent.pem"],
];

/** What the loader or the runtime obeys before the first line of ours: not to be seen from in here. */
const ACTS_AT_ONCE = /^BUN_(OPTIONS|BE_BUN|BYTECODE|JSC|INSPECT|TRACE)|^NODE_CHANNEL_FD$|^LD_|^MIMALLOC|^mimalloc/;

let cluster: Cluster;
let tunnel: ConnectProxy;
let host: UpdaterHost;
beforeAll(async () => {
  const authority = await makeAuthority();
  cluster = await startCluster([{ version: OLD }, { version: NEW }], {
    certificates: await authority.issue([...LOCAL_NAMES, CLUSTER]),
  });
  tunnel = await startConnectProxy({ route: () => cluster.address, credentials: CREDENTIALS });
  host = await bootUpdaterHost(authority.ca, { files: timerHeldBack() });
}, 300_000);
afterAll(async () => {
  for (const part of [host, tunnel, cluster]) await part?.[Symbol.asyncDispose]();
});

const activeVersion = async () =>
  /active:\n +version: (\S+)/.exec(await host.readFile("/opt/teleport/default/update.yaml"))?.[1];

describe("variables of the service manager", () => {
  test("[threat unset-environment] do nothing to the updater that the timer starts, whoever wrote its unit", async () => {
    cluster.find = advertise(OLD);
    await host.succeed(enableFrom(cluster));
    expect(await host.readFile(`/etc/systemd/system/${UPDATER_UNIT}`)).not.toContain("UnsetEnvironment");
    await host.ask("systemctl", "set-environment", ...HOSTILE);

    cluster.find = advertise(NEW);
    const run = await runTimer(host);
    expect(run).toMatchObject({ exitCode: 0, result: "success" });
    expect(run.log.filter((line) => line.includes("are ignored"))).toEqual([]);
    expect(await activeVersion()).toBe(NEW);

    // They are hostile indeed: without the drop-in none of this is an update.
    await host.ask("rm", updaterDropIn);
    await host.ask("systemctl", "daemon-reload");
    cluster.find = advertise(OLD);
    expect((await runTimer(host)).log).toEqual([]);
    expect(await activeVersion()).toBe(NEW);

    // By hand it is another environment, and the drop-in is back.
    await host.succeed(enableFrom(cluster));
    expect(await host.ask("systemctl", "show", "--property=UnsetEnvironment", UPDATER_UNIT)).toContain("LD_PRELOAD");
    cluster.find = advertise(NEW);
    expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
    expect(await activeVersion()).toBe(NEW);
    await host.ask("systemctl", "unset-environment", ...HOSTILE.map((word) => word.split("=")[0] ?? ""));
  }, 240_000);

  test("[threat unset-environment] and an operator may take a name back", async () => {
    await host.writeFile(updaterDropIn.replace(/[^/]+$/, "override.conf"), "[Service]\nUnsetEnvironment=\n");
    await host.ask("systemctl", "daemon-reload");
    expect(await host.ask("systemctl", "show", "--property=UnsetEnvironment", UPDATER_UNIT)).toBe("UnsetEnvironment=");
    await host.ask("rm", updaterDropIn.replace(/[^/]+$/, "override.conf"));
    await host.ask("systemctl", "daemon-reload");
  });
});

test("[threat built-environment] [threat refused-variables] a caller's variables are named, and reach no program of a release", async () => {
  const names = knownRefusedNames()
    .flat()
    .filter((name) => !ACTS_AT_ONCE.test(name));
  expect(names.length).toBeGreaterThan(40);
  const env = Object.fromEntries(names.map((name) => [name, "/nonexistent"]));
  const enable = [...enableFrom(cluster), "--install-suffix", "named", "--force-version", OLD];
  const { log } = await host.succeed(enable, { env });
  expect(log.find(({ message }) => message.includes("are ignored"))?.["variables"]).toBe([...names].sort().join(","));
  const call = JSON.parse(await host.readFile("/opt/teleport/named/setup-calls.jsonl"));
  expect(call.names.sort()).toEqual(["LANG", "PATH", ...Object.keys(call.environment)].sort());
});

describe("[threat unit-words] systemd reads a path as it is written", () => {
  test.each([
    ...[
      "/srv/a b",
      "/srv/ lead",
      "/srv/$HOME",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a path as somebody may write it.
      "/srv/${HOME}x",
      "/srv/$$",
      "/srv/50%",
      "/srv/%n%%h",
      "/srv/;#",
      "/srv/~*?{a,b}",
    ],
    ...[String.raw`/srv/q"u'o\te`, String.raw`/srv/end\ `.trim(), String.raw`/srv/\x41\n`, "/srv/ünï"],
  ])("%s", async (path) => {
    // No path of a program may have these.
    const links = /["'\\]/.test(path) ? "/srv/links" : path;
    const inputs = { namespace: namespaceFor("", path), revision: revision(OLD), path: links };
    const script = '#!/bin/sh\nprintf "%s\\n" "$@" "$TELEPORT_UPDATE_INSTALL_DIR" >/srv/said\n';
    await host.writeFile(`${links}/teleport-update`, { content: script, mode: 0o755 });
    await host.writeFile("/etc/systemd/system/words.service", updaterUnit(inputs));
    await host.writeFile("/etc/systemd/system/words.service.d/directory.conf", teleportDropIn(inputs));
    await host.ask("systemctl", "daemon-reload");
    const { exitCode, stderr } = await host.exec(["systemctl", "start", "words.service"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect((await host.readFile("/srv/said")).split("\n")).toEqual([
      "--install-suffix=",
      `--install-dir=${path}`,
      "update",
      path,
      "",
    ]);
  });
});

test("[threat no-secrets] the password of a CONNECT proxy is in no journal, no unit and no file that all may read", async () => {
  const url = `https://${CLUSTER}:${new URL(cluster.baseUrl).port}`;
  cluster.find = advertise(OLD);
  const enable = ["enable", "--proxy", url.slice("https://".length), "--base-url", url, "--debug", "--proxy-env"];
  const { stdout, stderr } = await host.succeed(enable, {
    env: { HTTPS_PROXY: `http://${CREDENTIALS}@${tunnel.address}` },
  });
  cluster.find = advertise(NEW);
  expect(await runTimer(host)).toMatchObject({ exitCode: 0, result: "success" });
  expect(tunnel.requests.length).toBeGreaterThanOrEqual(2);

  await host.ask("journalctl", "--sync");
  const texts = {
    stdout,
    stderr,
    journal: await host.ask("journalctl", "--output=export"),
    units: await host.ask("systemctl", "show", "--all", "*"),
  };
  for (const [name, text] of Object.entries(texts))
    expect({ name, tells: text.includes(SECRET) }).toEqual({ name, tells: false });
  expect(texts.units).toContain(`EnvironmentFiles=${proxyEnvironment}`);
  expect(openFiles(["etc", "opt", "var/lib/teleport", "usr/local", "srv"])).toEqual([]);
}, 240_000);

/** Files with the secret in them that everybody may read. */
function openFiles(folders: readonly string[]): string[] {
  return folders
    .map((folder) => join(host.directory, folder))
    .filter((folder) => lstatSync(folder, { throwIfNoEntry: false })?.isDirectory())
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)))
    .filter((path) => lstatSync(path).isFile() && (lstatSync(path).mode & 0o044) !== 0)
    .filter((path) => readFileSync(path, "latin1").includes(SECRET));
}
