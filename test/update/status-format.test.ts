import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parse } from "yaml";
import { revision } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import type { HeldBack } from "../../src/update/decide-limits.ts";
import type { StatusReport } from "../../src/update/status.ts";
import { formatGoDuration, formatStatus } from "../../src/update/status-format.ts";

const LEAST = {
  spec: { ...emptyConfig().spec, proxy: "proxy.acme.test:3080", path: "/usr/local/bin" },
  status: emptyConfig().status,
  answer: { target: revision("18.4.2"), flags: [], inWindow: false, jitterSeconds: 0, agpl: false, digests: new Map() },
  id: "",
  failure: undefined,
  proof: undefined,
  options: {},
  limit: undefined,
  proxyEnv: undefined,
} satisfies StatusReport;

describe("the report", () => {
  test("reads as the sample of the contract", () => {
    const report: StatusReport = {
      ...LEAST,
      spec: { ...LEAST.spec, path: "/opt/teleport/blue/bin", group: "canary", enabled: true, pinned: true },
      status: {
        idFile: "/tmp/teleport-update_blue.id",
        lastUpdate: { success: true, time: new Date("2030-02-03T04:05:06.789Z"), target: revision("18.4.1") },
        active: revision("18.4.1"),
        backup: revision("18.4.0"),
      },
      answer: { ...LEAST.answer, inWindow: true, jitterSeconds: 45 },
      id: "2c652f3c-ae11-5e5a-ba40-73cba91149cd",
    };
    expect(formatStatus(report)).toBe(`proxy: proxy.acme.test:3080
path: /opt/teleport/blue/bin
group: canary
enabled: true
pinned: true
last_update:
    success: true
    time: 2030-02-03T04:05:06.789Z
    target:
        version: 18.4.1
active:
    version: 18.4.1
backup:
    version: 18.4.0
target:
    version: 18.4.2
in_window: true
jitter: 45s
id: 2c652f3c-ae11-5e5a-ba40-73cba91149cd
`);
  });

  test("has no line that the page on troubles does not explain", async () => {
    const report: StatusReport = {
      ...LEAST,
      spec: {
        ...LEAST.spec,
        group: "canary",
        baseUrl: "https://mirror.test",
        selinuxSsh: true,
        selinuxSshEnforcing: true,
      },
      status: {
        idFile: "",
        lastUpdate: { success: false, time: new Date(0), target: revision("18.4.1") },
        active: revision("18.4.1"),
        backup: revision("18.4.0"),
        skip: revision("18.4.2"),
      },
      answer: { ...LEAST.answer, agpl: true },
      id: "an id",
      options: { mirrors: ["https://mirror.test"] },
      limit: { rule: "max-version", reason: "it is newer", hint: "" },
      proxyEnv: "kept",
    };
    const page = await Bun.file("docs/troubleshoot.md").text();
    const keys = Object.keys(parse(formatStatus(report)));
    expect(keys.filter((key) => !page.includes(`\n| \`${key}\` |`))).toEqual([]);
    expect(keys.length).toBeGreaterThan(18);
  });

  test.each([
    ["user:secret@proxy.test:443", "'***@proxy.test:443'", "", ""],
    ["proxy.test:443", "proxy.test:443", "https://user:sec/r@et@mirror.test/a", "https://***@mirror.test/a"],
    ["proxy.test:443", "proxy.test:443", "https://secret@mirror.test/a", "https://***@mirror.test/a"],
    ["proxy.test:443", "proxy.test:443", "https://mirror.test/@a/b", "https://mirror.test/@a/b"],
  ])("[threat no-secrets] hides credentials that are kept: %s, %s", (proxy, shownProxy, baseUrl, shownUrl) => {
    const text = formatStatus({ ...LEAST, spec: { ...LEAST.spec, proxy, baseUrl } });
    expect(text).toContain(`proxy: ${shownProxy}\n`);
    if (baseUrl !== "") expect(text).toContain(`base_url: ${shownUrl}\n`);
    expect(text).not.toMatch(/sec\/?r/);
  });

  test("says by what the release was accepted, and what holds the host back", () => {
    const limit: HeldBack = { rule: "max-version", reason: "18.4.2 is above the maximum of this host, 18.3", hint: "" };
    expect(
      formatStatus({ ...LEAST, proof: { by: "pinned digest", isSignatureSkipped: false, key: undefined }, limit }),
    ).toEndWith(`jitter: 0s
proof: pinned digest
held_back: 'max-version: 18.4.2 is above the maximum of this host, 18.3'
`);
  });

  test("lists what is kept on the host, by the keys of its file", () => {
    const mirrors = ["https://a.test/x", "https://b.test/,y"];
    const options = { mirrors, maxVersion: "18.3", noDowngrade: true };
    expect(formatStatus({ ...LEAST, options })).toEndWith(`jitter: 0s
options:
    mirrors: [https://a.test/x, 'https://b.test/,y']
    max_version: "18.3"
    no_downgrade: true
`);
  });

  test("of a cluster that was not reached says nothing", () => {
    expect(formatStatus({ ...LEAST, answer: undefined })).toBe(`proxy: proxy.acme.test:3080
path: /usr/local/bin
enabled: false
pinned: false
active:
    version: ""
`);
  });

  test("leaves out what there is not", () => {
    expect(formatStatus(LEAST)).toBe(`proxy: proxy.acme.test:3080
path: /usr/local/bin
enabled: false
pinned: false
active:
    version: ""
target:
    version: 18.4.2
in_window: false
jitter: 0s
`);
  });

  test("holds every key in its place", () => {
    const full = revision("18.4.1", ["Enterprise", "FIPS"]);
    const report: StatusReport = {
      ...LEAST,
      spec: {
        ...LEAST.spec,
        group: "1:20",
        baseUrl: "https://mirror.test",
        selinuxSsh: true,
        selinuxSshEnforcing: true,
      },
      status: {
        idFile: "",
        lastUpdate: { success: false, time: new Date("2030-01-01T00:00:00Z"), target: full },
        active: full,
        backup: revision("18.4.0", ["Enterprise"]),
        skip: full,
      },
      answer: { ...LEAST.answer, target: full, agpl: true, jitterSeconds: 1800 },
      id: "2c652f3c-ae11-5e5a-ba40-73cba91149cd",
      proxyEnv: "http://proxy.example.com:3128",
    };
    expect(formatStatus(report)).toBe(`proxy: proxy.acme.test:3080
path: /usr/local/bin
group: "1:20"
base_url: https://mirror.test
enabled: false
pinned: false
selinux_ssh: true
selinux_ssh_enforcing: true
last_update:
    success: false
    time: 2030-01-01T00:00:00Z
    target:
        version: 18.4.1
        flags: [Enterprise, FIPS]
active:
    version: 18.4.1
    flags: [Enterprise, FIPS]
backup:
    version: 18.4.0
    flags: [Enterprise]
skip:
    version: 18.4.1
    flags: [Enterprise, FIPS]
target:
    version: 18.4.1
    flags: [Enterprise, FIPS]
in_window: false
jitter: 30m0s
agpl: true
id: 2c652f3c-ae11-5e5a-ba40-73cba91149cd
proxy_env: http://proxy.example.com:3128
`);
  });
});

describe("a Go duration", () => {
  test.each([
    [0, "0s"],
    [1, "1s"],
    [59, "59s"],
    [60, "1m0s"],
    [61, "1m1s"],
    [3599, "59m59s"],
    [3600, "1h0m0s"],
    [3661, "1h1m1s"],
    [90_000, "25h0m0s"],
  ])("of %d seconds is %s", (seconds, text) => expect(formatGoDuration(seconds)).toBe(text));

  test("adds up to its seconds", () => {
    const worth: Record<string, number> = { h: 3600, m: 60, s: 1 };
    fc.assert(
      fc.property(fc.nat(1_000_000), (seconds) => {
        const parts = [...formatGoDuration(seconds).matchAll(/(\d+)([hms])/g)];
        expect(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (worth[unit ?? ""] ?? 0), 0)).toBe(seconds);
      }),
    );
  });
});
