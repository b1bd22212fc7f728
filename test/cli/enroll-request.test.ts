import { describe, expect, test } from "bun:test";
import { ENROLL_FLAGS } from "../../src/cli/enroll-flags.ts";
import { enrollRequest } from "../../src/cli/enroll-request.ts";
import type { WrittenFlag } from "../../src/cli/flag-words.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import type { EnvironmentValues } from "../../src/cli/program.ts";
import { resolveValues } from "../../src/cli/values.ts";
import { recordingLog } from "../support/recording-log.ts";

function requestFrom(written: WrittenFlag[], environment: EnvironmentValues = {}) {
  const resolved = resolveValues({ ...GLOBAL_FLAGS, ...ENROLL_FLAGS }, written, environment);
  return enrollRequest("enable", { ...resolved, environment, hostRoot: "/", log: recordingLog() });
}

test("every flag reaches its field", () => {
  const request = requestFrom([
    { name: "install-suffix", value: "blue" },
    { name: "install-dir", value: "/srv/teleport" },
    { name: "proxy", value: "proxy.example.com" },
    { name: "group", value: "canary" },
    { name: "base-url", value: "https://cdn.example.com" },
    { name: "path", value: "/srv/bin" },
    { name: "overwrite", value: true },
    { name: "allow-proxy-conflict", value: true },
    { name: "force-version", value: "18.1.0" },
    { name: "force-flag", value: "FIPS" },
    { name: "self-setup", value: true },
    { name: "hand-over", value: true },
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
    path: "/srv/bin",
    overwrite: true,
    allowProxyConflict: true,
    forceVersion: "18.1.0",
    forceFlags: ["FIPS"],
    selfSetup: true,
    handOver: true,
    caFile: "/etc/ca.pem",
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

test("a file of authorities is kept by its absolute path, as later runs start elsewhere", () => {
  expect(requestFrom([{ name: "ca-file", value: "ca.pem" }]).caFile).toBe(`${process.cwd()}/ca.pem`);
  expect(requestFrom([]).caFile).toBe("");
});

test("the agent's id file lies in `$TMPDIR`", () => {
  expect(requestFrom([], { TMPDIR: "/var/tmp" }).temporaryDirectory).toBe("/var/tmp");
  expect(requestFrom([], { TMPDIR: "" }).temporaryDirectory).toBe("/tmp");
});
