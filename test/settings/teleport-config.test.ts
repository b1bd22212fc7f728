import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { namespaceFor } from "../../src/settings/namespace.ts";
import {
  readTeleportDefaults,
  type TeleportDefaults,
  teleportConfigFault,
} from "../../src/settings/teleport-config.ts";
import { recordingLog } from "../support/recording-log.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const TELEPORT = namespace.teleport.config;
const TBOT = namespace.tbot.config;
const NONE: TeleportDefaults = { dataDirectory: "/var/lib/teleport", proxy: undefined, proxySource: undefined };

/** What is read from a host with these files, and what is said about it. */
function read(files: Record<string, string>) {
  using host = temporaryHost();
  for (const [path, content] of Object.entries(files)) host.write(path, content);
  const log = recordingLog();
  return { defaults: readTeleportDefaults(host.files, namespace, log), levels: log.lines.map(({ level }) => level) };
}

const teleport = (settings: string) => ({ [TELEPORT]: `teleport:\n${settings.replace(/^/gm, "  ")}\n` });

describe("the proxy in teleport.yaml [inst 8.4] [core 7.13]", () => {
  test.each([
    ["proxy_server: https://example.com:8080", "example.com:8080"],
    ["proxy_server: https://example.com", "example.com:3080"],
    ["proxy_server: example.com:443", "example.com:443"],
    ["proxy_server: example.com", "example.com:3080"],
    ["proxy_server: 192.0.2.1", "192.0.2.1:3080"],
    ["proxy_server: '[2001:db8::1]'", "[2001:db8::1]:3080"],
    ["auth_server: example.com", "example.com:3025"],
    ["auth_servers: [one.example.com, two.example.com]", "one.example.com:3025"],
    ["proxy_server: p\nauth_server: a\nauth_servers: [b]", "p:3080"],
    ["auth_server: a\nauth_servers: [b]", "a:3025"],
    ["proxy_server: ''\nauth_server: ~\nauth_servers: [b]", "b:3025"],
    ["proxy_server: &p example.com\nother: *p", "example.com:3080"],
    ["shared: &s {proxy_server: example.com}\n<<: *s", "example.com:3080"],
    ["proxy_server: !custom example.com", "example.com:3080"],
    ["data_dir: /data\ndata_dir: /data\nproxy_server: p", "p:3080"],
  ])("%j", (settings, proxy) => {
    expect(read(teleport(settings)).defaults).toMatchObject({ proxy, proxySource: TELEPORT });
  });

  test("proxy and data directory together", () => {
    expect(read(teleport("proxy_server: example.com\ndata_dir: /data")).defaults).toEqual({
      dataDirectory: "/data",
      proxy: "example.com:3080",
      proxySource: TELEPORT,
    });
  });

  test("the file of the namespace is read", () => {
    using host = temporaryHost();
    host.write("/etc/teleport_blue.yaml", "teleport: {proxy_server: blue}\n");
    host.write(TELEPORT, "teleport: {proxy_server: other}\n");
    const defaults = readTeleportDefaults(host.files, namespaceFor("blue"), recordingLog());
    expect(defaults).toEqual({
      dataDirectory: "/var/lib/teleport_blue",
      proxy: "blue:3080",
      proxySource: "/etc/teleport_blue.yaml",
    });
  });
});

describe("data_dir", () => {
  test.each([
    ["/data", "/data"],
    ["/data//x/../y/", "/data/y"],
    ["", "/var/lib/teleport"],
    ["data", "/var/lib/teleport"],
    ["[/data]", "/var/lib/teleport"],
    ['"/data\\nExecStart=/x"', "/var/lib/teleport"],
  ])("%p", (written, dataDirectory) => {
    expect(read(teleport(`data_dir: ${written}`)).defaults.dataDirectory).toBe(dataDirectory);
  });
});

describe("what is odd changes nothing and is said at debug level", () => {
  test.each([
    ["a list", "- a\n"],
    ["broken", "teleport: [\n"],
    ["a wrong proxy", "teleport: {proxy_server: 'ftp://x'}\n"],
    ["a relative data directory", "teleport: {data_dir: data}\n"],
    ["too large", `# ${"x".repeat(1 << 20)}\n`],
    ["an alias without anchor", "teleport: {proxy_server: *p}\n"],
    ["an alias bomb", aliasBomb()],
    ["[threat bounded-yaml] too deep", `teleport: {proxy_server: p}\na: ${"[".repeat(300)}${"]".repeat(300)}\n`],
    ["[threat bounded-yaml] of too many parts", `teleport: {proxy_server: p}\n${"#\n".repeat(60_000)}`],
    ["[threat bounded-yaml] full of aliases", `teleport: {proxy_server: &p p}\na: [${"*p,".repeat(600)}]\n`],
  ])("%s", (_name, content) => {
    const { defaults, levels } = read({ [TELEPORT]: content });
    expect(defaults).toEqual(NONE);
    expect(levels).toEqual(["debug"]);
  });

  test("and told to whoever is about to rely on it", () => {
    using host = temporaryHost();
    const fault = () => teleportConfigFault(host.files, namespace);
    expect(fault()).toBeUndefined();
    host.write(TELEPORT, "teleport:\n  proxy_server: 'ftp://x'\n");
    expect(fault()).toBeUndefined();
    host.write(TELEPORT, "teleport:\n  auth_token: C4nary\n  proxy_server: [\n");
    expect(fault()).toMatch(/^line \d is not valid YAML \(\w+\)$/);
    host.write(TELEPORT, "- C4nary\n");
    expect(fault()).toBe("it is not a mapping of keys to values");
  });

  test.each([
    ["empty", ""],
    ["no teleport section", "auth_service: {enabled: yes}\n"],
    ["a null section", "teleport:\n"],
    ["a section of another type", "teleport: 5\n"],
    ["keys of objects", "__proto__: {teleport: {proxy_server: p}}\nteleport: {constructor: x}\n"],
    ["wrong types", "teleport: {proxy_server: [a], auth_server: {b: c}, auth_servers: d}\n"],
  ])("%s: silently", (_name, content) => expect(read({ [TELEPORT]: content })).toEqual({ defaults: NONE, levels: [] }));

  test("a directory in its place", () => {
    using host = temporaryHost();
    host.files.makeDirectory(TELEPORT);
    expect(readTeleportDefaults(host.files, namespace, recordingLog())).toEqual(NONE);
  });

  test.each([
    ["an alias that leads nowhere", "*C4nary"],
    ["a tag", "!C4nary {"],
    ["a quote that never ends", '"C4nary'],
    ["more than a value", "a b\nC4nary"],
    ["an anchor of nothing", "&C4nary &b c"],
    ["a directive", "x\n%C4nary\n---"],
  ])("[threat no-secrets] and what it holds is not said: %s", (_name, value) => {
    using host = temporaryHost();
    host.write(TELEPORT, `teleport:\n  auth_token: ${value}\n`);
    const log = recordingLog();
    readTeleportDefaults(host.files, namespace, log);
    expect(JSON.stringify(log.lines)).not.toContain("C4nary");
  });

  test("[threat no-secrets] nor in any other text", () => {
    using host = temporaryHost();
    const odd = fc.string({ unit: fc.constantFrom(..." \n-[]{}&*!|>'\"#%\t:?,@`") });
    fc.assert(
      fc.property(odd, odd, (before, after) => {
        host.write(TELEPORT, `teleport:\n  auth_token: ${before}C4nary${after}\n`);
        const log = recordingLog();
        readTeleportDefaults(host.files, namespace, log);
        expect(JSON.stringify(log.lines)).not.toContain("C4nary");
      }),
      { numRuns: 200 },
    );
  });

  test("no text makes it fail", () => {
    using host = temporaryHost();
    const text = fc.string({ unit: fc.constantFrom(..."teleport:prxy_sv \n-[]{}&*!|>'\"#%\t0") });
    fc.assert(
      fc.property(text, (content) => {
        host.write(TELEPORT, `teleport:\n  ${content}`);
        const { dataDirectory } = readTeleportDefaults(host.files, namespace, recordingLog());
        expect(dataDirectory).toStartWith("/");
      }),
      { numRuns: 50 },
    );
  });
});

describe("tbot.yaml [inst 8.4] [core 7.13]", () => {
  const tbot = { [TBOT]: "proxy_server: example.com\ndata_dir: /bot\n" };
  const marked = { [namespace.tbot.unitFile]: "# teleport-update 1.2.3\n" };
  const custom = { [namespace.tbot.unitFile]: "[Unit]\n" };

  test.each<[name: string, files: Record<string, string>, expected: TeleportDefaults]>([
    ["no file at all keeps the defaults", {}, NONE],
    ["is read without a tbot service", tbot, { ...NONE, proxy: "example.com:3080", proxySource: TBOT }],
    ["is read when tbot is managed", { ...tbot, ...marked }, { ...NONE, proxy: "example.com:3080", proxySource: TBOT }],
    ["is not read when tbot is unmanaged", { ...tbot, ...custom }, NONE],
    [
      "gives way to teleport.yaml",
      { ...tbot, ...teleport("proxy_server: t\ndata_dir: /data") },
      { dataDirectory: "/data", proxy: "t:3080", proxySource: TELEPORT },
    ],
    ["gives way to a teleport.yaml that names no proxy", { ...tbot, [TELEPORT]: "teleport: {}\n" }, NONE],
    ["gives way to a broken teleport.yaml", { ...tbot, [TELEPORT]: "[" }, NONE],
  ])("%s", (_name, files, expected) => expect(read(files).defaults).toEqual(expected));

  test("is not read when the tbot service cannot be read", () => {
    using host = temporaryHost();
    host.write(TBOT, "proxy_server: example.com\n");
    host.files.makeDirectory(namespace.tbot.unitFile);
    const log = recordingLog();
    expect(readTeleportDefaults(host.files, namespace, log)).toEqual(NONE);
    expect(log.lines.map(({ level }) => level)).toEqual(["debug"]);
  });
});

/** Ten levels of ten aliases: 10^10 nodes for who follows them. */
function aliasBomb(): string {
  const levels = Array.from({ length: 10 }, (_, index) => {
    const items = Array.from({ length: 10 }, () => (index === 0 ? "x" : `*a${index - 1}`));
    return `a${index}: &a${index} [${items.join(", ")}]\n`;
  });
  return `${levels.join("")}teleport: {proxy_server: example.com}\n`;
}
