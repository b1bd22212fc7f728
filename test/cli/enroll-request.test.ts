import { describe, expect, test } from "bun:test";
import { ENROLL_FLAGS } from "../../src/cli/enroll-flags.ts";
import { enrollRequest } from "../../src/cli/enroll-request.ts";
import type { WrittenFlag } from "../../src/cli/flag-words.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import type { EnvironmentValues } from "../../src/cli/program.ts";
import { resolveValues } from "../../src/cli/values.ts";
import { recordingLog } from "../support/recording-log.ts";

function requestFrom(written: WrittenFlag[], environment: EnvironmentValues = {}, log = recordingLog()) {
  const resolved = resolveValues({ ...GLOBAL_FLAGS, ...ENROLL_FLAGS }, written, environment);
  return enrollRequest("enable", { ...resolved, environment, hostRoot: "/", log });
}

describe("a forced flag that is no edition is passed over as by upstream, and not in silence", () => {
  const warningsFor = (words: string[], environment: EnvironmentValues = {}) => {
    const log = recordingLog();
    requestFrom(
      words.map((value) => ({ name: "force-flag", value })),
      environment,
      log,
    );
    return log.lines.map(({ level, attributes }) => ({ level, attributes }));
  };

  test.each([
    ["fips", "FIPS"],
    ["Entreprise", "Enterprise"],
    ["Foo", undefined],
  ])("%s", (value, meant) => {
    expect(warningsFor([value])).toEqual([
      { level: "warn", attributes: { flag: "--force-flag", value, did_you_mean: meant } },
    ]);
  });

  test("from the variable, each one", () => {
    const variable = "TELEPORT_UPDATE_FLAGS";
    expect(warningsFor([], { [variable]: "FIPS\nFips\nFoo" })).toEqual([
      { level: "warn", attributes: { variable, value: "Fips", did_you_mean: "FIPS" } },
      { level: "warn", attributes: { variable, value: "Foo", did_you_mean: undefined } },
    ]);
  });

  test("the editions themselves are taken in silence", () => {
    expect(warningsFor(["Enterprise", "FIPS"])).toEqual([]);
  });
});

test("every flag reaches its field", () => {
  const request = requestFrom([
    { name: "install-suffix", value: "blue" },
    { name: "install-dir", value: "/srv/teleport" },
    { name: "proxy", value: "proxy.example.com" },
    { name: "group", value: "canary" },
    { name: "base-url", value: "https://cdn.example.com" },
    { name: "base-url", value: "https://mirror.example.com" },
    { name: "from", value: "file:///media/stick" },
    { name: "digest", value: "AB".repeat(32) },
    { name: "trusted-key", value: "/etc/key.pem" },
    { name: "insecure-skip-signature", value: true },
    { name: "min-version", value: "18" },
    { name: "max-version", value: "18.2.0" },
    { name: "min-age", value: "72h" },
    { name: "downgrade", value: false },
    { name: "netrc", value: "/etc/netrc" },
    { name: "bearer-token-file", value: "/etc/token" },
    { name: "client-cert", value: "/etc/cert.pem" },
    { name: "client-key", value: "/etc/key.pem" },
    { name: "path", value: "/srv/bin" },
    { name: "overwrite", value: true },
    { name: "allow-proxy-conflict", value: true },
    { name: "force-version", value: "18.1.0" },
    { name: "force-flag", value: "FIPS" },
    { name: "self-setup", value: true },
    { name: "hand-over", value: true },
    { name: "proxy-env", value: true },
    { name: "ca-file", value: "/etc/ca.pem" },
    { name: "selinux-ssh", value: true },
    { name: "insecure", value: true },
    { name: "debug", value: true },
    { name: "log-format", value: "json" },
  ]);
  const { namespace, ...rest } = request;
  expect(namespace.directory).toBe("/srv/teleport/blue");
  expect(rest).toEqual({
    command: "enable",
    proxy: "proxy.example.com",
    group: "canary",
    baseUrl: "https://cdn.example.com",
    digest: "ab".repeat(32),
    from: "/media/stick",
    path: "/srv/bin",
    overwrite: true,
    allowProxyConflict: true,
    forceVersion: "18.1.0",
    forceFlags: ["FIPS"],
    selfSetup: true,
    handOver: true,
    keepProxies: true,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
    viaSudo: false,
    image: { architecture: undefined, updater: "", isOffline: false },
    options: {
      caFile: "/etc/ca.pem",
      mirrors: ["https://mirror.example.com"],
      trustedKeys: ["/etc/key.pem"],
      skipSignature: true,
      minVersion: "18",
      maxVersion: "18.2.0",
      minAge: "72h",
      noDowngrade: true,
      netrcFile: "/etc/netrc",
      bearerTokenFile: "/etc/token",
      clientCertificate: "/etc/cert.pem",
      clientKey: "/etc/key.pem",
    },
    selinuxSsh: true,
    insecure: true,
    debug: true,
    logFormat: "json",
    temporaryDirectory: "/tmp",
  });
});

describe("the SELinux setting changes only by the command line", () => {
  test.each<[string, WrittenFlag[], EnvironmentValues, boolean | undefined]>([
    ["nothing given", [], {}, undefined],
    ["the variable alone", [], { TELEPORT_UPDATE_SELINUX_SSH: "true" }, undefined],
    ["turned on", [{ name: "selinux-ssh", value: true }], {}, true],
    [
      "turned off against the variable",
      [{ name: "selinux-ssh", value: false }],
      { TELEPORT_UPDATE_SELINUX_SSH: "true" },
      false,
    ],
  ])("%s", (_, written, environment, expected) => {
    expect(requestFrom(written, environment).selinuxSsh).toBe(expected);
  });
});

describe("the proxies are those that the command was started with", () => {
  test("by the rules of Go, and whether sudo was there", () => {
    const request = requestFrom([], { https_proxy: "http://p", NO_PROXY: "", no_proxy: "x", SUDO_UID: "1000" });
    expect(request.proxies).toEqual({ httpsProxy: "http://p", httpProxy: "", noProxy: "x" });
    expect({ viaSudo: request.viaSudo, keep: request.keepProxies }).toEqual({ viaSudo: true, keep: undefined });
  });

  test("and are forgotten only when that is said", () => {
    expect(requestFrom([{ name: "proxy-env", value: false }]).keepProxies).toBe(false);
  });
});

test("a file of authorities is kept by its absolute path, as later runs start elsewhere", () => {
  expect(requestFrom([{ name: "ca-file", value: "ca.pem" }]).options.caFile).toBe(`${process.cwd()}/ca.pem`);
  expect(requestFrom([]).options).toEqual({});
});

test("the agent's id file lies in `$TMPDIR`", () => {
  expect(requestFrom([], { TMPDIR: "/var/tmp" }).temporaryDirectory).toBe("/var/tmp");
  expect(requestFrom([], { TMPDIR: "" }).temporaryDirectory).toBe("/tmp");
});

test("a digest is not empty behind its prefix either", () => {
  expect(() => requestFrom([{ name: "digest", value: "sha256:" }])).toThrow(
    expect.objectContaining({ code: "E_USAGE" }),
  );
});

describe("a release that was carried here is a path", () => {
  test.each([
    ["/media/stick", "/media/stick"],
    ["stick", `${process.cwd()}/stick`],
    ["file:///media/my%20stick", "/media/my stick"],
    ["FILE:///media/stick", "/media/stick"],
    ["file:stick", `${process.cwd()}/file:stick`],
  ])("%j", (value, path) => {
    expect(requestFrom([{ name: "from", value }]).from).toBe(path);
  });

  test("a URL belongs to another flag", () => {
    expect(() => requestFrom([{ name: "from", value: "https://mirror.example.com/teleport" }])).toThrow(
      expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("with `--base-url URL`") }),
    );
  });

  test.each(["file://server/stick", "file:///media/%ZZ", "file:///media/%00", "/media/\0"])("and not %j", (value) => {
    expect(() => requestFrom([{ name: "from", value }])).toThrow(expect.objectContaining({ code: "E_USAGE" }));
  });
});
