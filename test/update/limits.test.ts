import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { statusExitCode } from "../../src/cli/status.ts";
import type { GivenOptions } from "../../src/settings/options.ts";
import type { LimitRule } from "../../src/update/decide-limits.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { formatStatus } from "../../src/update/status-format.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import type { MadeRelease } from "../support/release-maker.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

const DIGEST = "a".repeat(64);
const OLD = new Date("2026-01-01T00:00:00Z");

let site: Site;
let released: MadeRelease;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.1.0" });
  released = await site.release({ version: "18.2.0" });
});
afterAll(() => site[Symbol.asyncDispose]());

/** A host at 18.1.0 with these limits. */
async function hostWith(options: GivenOptions): Promise<UpdateHost> {
  const host = offlineHost(site);
  site.server.find = advertise("18.1.0");
  await host.enroll({ options });
  return host;
}

/** Serves a checksum of a release that was published at that time; never, when the server does not say. */
function publish(version: string, at?: Date): void {
  const headers = at === undefined ? {} : { "Last-Modified": at.toUTCString() };
  site.server.respond(checksumOf(version), () => new Response(DIGEST, { headers }));
}

const checksumOf = (version: string) => `/teleport-v${version}-linux-${HOST_ARCHITECTURE}-bin.tar.gz.sha256`;
const untouched = (host: UpdateHost) => host.tree().filter((line) => !line.startsWith(`${NAMESPACE.config} `));

/** What names the very release that is held back. */
const NAMED: [what: string, request: () => Partial<EnrollRequest>][] = [
  ["its digest", () => ({ digest: DIGEST })],
  ["its file", () => ({ from: released.archive })],
];

const LIMITS: [rule: LimitRule, options: GivenOptions, target: string, reason: string][] = [
  ["min-version", { minVersion: "18.1" }, "18.0.9", "18.0.9 is below the minimum of this host, 18.1"],
  ["max-version", { maxVersion: "18.1" }, "18.2.0", "18.2.0 is above the maximum of this host, 18.1"],
  ["no-downgrade", { noDowngrade: true }, "18.0.9", "18.0.9 is older than 18.1.0, and this host is not to go back"],
];

describe.each(LIMITS)("--%s", (rule, options, target, reason) => {
  test("`update` stays, warns of the rule, and asks for no release", async () => {
    using host = await hostWith(options);
    const before = host.tree();
    site.server.find = advertise(target);
    site.takeRequests();
    await host.update();
    expect(site.takeRequests()).toEqual(["/webapi/find?group=default"]);
    expect(host.world.log.lines).toContain(
      `WARN The target is held back by a limit of this host. target_version:${target} active_version:18.1.0 rule:${rule} limit:${reason}`,
    );
    expect(host.tree()).toEqual(before);
  });

  test("`enable` stays at the active version, and keeps what it is given", async () => {
    using host = await hostWith(options);
    site.server.find = advertise(target);
    await host.enroll({ group: "night" });
    expect(host.world.log.lines).toContain(
      `WARN The target is held back by a limit of this host, which stays at its version. active_version:18.1.0 rule:${rule} limit:${reason}`,
    );
    expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.1.0/");
    expect(host.config()).toContain("group: night");
  });

  test("a limit can be set when the cluster is beyond it already", async () => {
    using host = await hostWith({});
    site.server.find = advertise(target);
    await host.enroll({ options });
    expect((await host.status()).limit?.rule).toBe(rule);
    await host.update();
    expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.1.0/");
  });

  test.each([
    ["pin", ""],
    ["enable", target],
    ["pin", target],
  ] as const)("`%s` with the version %p is refused, and says what lifts the limit", async (command, forceVersion) => {
    using host = await hostWith(options);
    const before = host.tree();
    site.server.find = advertise(target);
    const lift = rule === "no-downgrade" ? "--downgrade" : `--${rule} default`;
    await expect(host.enroll({ command, forceVersion })).rejects.toMatchObject({
      code: "E_HELD_BACK",
      message: `refusing the target: ${reason}`,
      hint: `\`teleport-update enable ${lift}\` lifts this limit of the host, where it is kept`,
    });
    expect(host.tree()).toEqual(before);
  });

  test("`status` names the rule, and there is nothing to update now", async () => {
    using host = await hostWith(options);
    site.server.find = advertise(target);
    const report = await host.status();
    expect(formatStatus(report)).toContain(`\nheld_back: '${rule}: ${reason}'\n`);
    expect(statusExitCode(report, true)).toBe(0);
  });
});

describe("--min-age", () => {
  test("holds a young release back until it is old enough, and one without an age", async () => {
    using host = await hostWith({});
    await host.enroll({ options: { minAge: "3d" } });
    site.server.find = advertise("18.2.0");
    for (const at of [new Date(), undefined]) {
      publish("18.2.0", at);
      await host.update();
      expect(host.world.log.lines.at(-1)).toMatch(
        /^WARN The target is held back by a limit of this host\. .* rule:min-age /,
      );
      const report = await host.status();
      expect(report.limit?.rule).toBe("min-age");
      expect(statusExitCode(report, true)).toBe(0);
      await expect(host.enroll({ command: "pin" })).rejects.toMatchObject({ code: "E_HELD_BACK" });
    }
    const before = untouched(host);
    publish("18.2.0", OLD);
    // The age lets it pass, and then the digest, which is made up, does not.
    await expect(host.update()).rejects.toMatchObject({ code: "E_CHECKSUM" });
    expect(untouched(host)).toEqual(before);
    site.server.respond(checksumOf("18.2.0"), undefined);
  });

  test("is looked at once more when the release is taken: it may have been published since", async () => {
    using host = await hostWith({});
    await host.enroll({ options: { minAge: "3d" } });
    site.server.find = advertise("18.2.0");
    let asked = 0;
    site.server.respond(checksumOf("18.2.0"), () => {
      asked += 1;
      const at = asked === 1 ? OLD : new Date();
      return new Response(DIGEST, { headers: { "Last-Modified": at.toUTCString() } });
    });
    await expect(host.update()).rejects.toMatchObject({ code: "E_HELD_BACK" });
    expect(asked).toBe(2);
    site.server.respond(checksumOf("18.2.0"), undefined);
  });

  test.each(["Sat, 13 Sep 275760 00:00:00 GMT", "1", "yesterday"])(
    "a server that says %p says nothing",
    async (said) => {
      using host = await hostWith({});
      await host.enroll({ options: { minAge: "3d" } });
      site.server.find = advertise("18.2.0");
      site.server.respond(checksumOf("18.2.0"), () => new Response(DIGEST, { headers: { "Last-Modified": said } }));
      await host.update();
      expect((await host.status()).limit).toMatchObject({
        rule: "min-age",
        reason: expect.stringContaining("does not say"),
      });
      site.server.respond(checksumOf("18.2.0"), undefined);
    },
  );

  test("of what is active already does not matter", async () => {
    using host = await hostWith({});
    await host.enroll({ options: { minAge: "3000d" } });
    await host.update();
    expect((await host.status()).limit).toBeUndefined();
  });
});

test.each(NAMED)(
  "`enable` with %s is refused when that release is held back, and the rule is named",
  async (_, request) => {
    using host = await hostWith({ maxVersion: "18.1" });
    site.server.find = advertise("18.2.0");
    await expect(host.enroll(request())).rejects.toMatchObject({
      code: "E_HELD_BACK",
      message: expect.stringContaining("18.2.0 is above the maximum of this host, 18.1"),
    });
    // What the limit lets through is no matter of the limit.
    site.server.find = advertise("18.1.0");
    await expect(host.enroll({ digest: DIGEST })).rejects.toMatchObject({ code: "E_CHECKSUM" });
  },
);

test("limits that are lifted let the host go", async () => {
  using host = await hostWith({ maxVersion: "18.1", noDowngrade: true });
  site.server.find = advertise("18.2.0");
  await host.enroll({ options: { maxVersion: "default" } });
  site.server.find = advertise("18.1.0");
  await host.enroll();
  expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.2.0/");
  await host.enroll({ options: { noDowngrade: "default" } });
  expect(host.files.readLink("/usr/local/bin/teleport")).toContain("/18.1.0/");
});

test("a limit that is given now counts in this very run", async () => {
  using host = offlineHost(site);
  site.server.find = advertise("18.2.0");
  await expect(host.enroll({ options: { maxVersion: "18.1" } })).rejects.toMatchObject({ code: "E_HELD_BACK" });
  expect(host.files.stat(NAMESPACE.options)).toBeUndefined();
});

test("every command names a mistyped limit, once, and goes on", async () => {
  using host = await hostWith({ maxVersion: "18.1" });
  host.write(NAMESPACE.options, host.read(NAMESPACE.options).replace("max_version", "max-version"));
  const warnings = () => host.world.log.lines.splice(0).filter((line) => line.includes("key that this release"));
  expect(warnings()).toEqual([]);
  const warning = [
    `WARN The settings have a key that this release does not know, and that has no effect. path:${host.root}${NAMESPACE.options} key:max-version did_you_mean:max_version`,
  ];
  await host.status();
  expect(warnings()).toEqual(warning);
  await host.update();
  expect(warnings()).toEqual(warning);
  await host.enroll({ options: { minVersion: "18" } });
  expect(warnings()).toEqual(warning);
});

test("a limit that leaves no version with the one that is kept is refused, and not kept", async () => {
  using host = await hostWith({ maxVersion: "18.1" });
  const before = host.tree();
  await expect(host.enroll({ options: { minVersion: "18.2" } })).rejects.toMatchObject({
    code: "E_USAGE",
    message: "no version lies between the minimum of this host, 18.2, and its maximum, 18.1",
  });
  expect(host.tree()).toEqual(before);
  await host.enroll({ options: { minVersion: "18.1", maxVersion: "default" } });
});
