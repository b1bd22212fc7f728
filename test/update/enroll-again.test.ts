import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../../src/platform/build-info.ts";
import { historyPath } from "../../src/update/history.ts";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import type { MadeRelease } from "../support/release-maker.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

let site: Site;
let release: MadeRelease;
beforeAll(async () => {
  site = await startSite();
  release = await site.release({ version: "18.0.0" });
  await site.release({ version: "18.1.0" });
});
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => {
  site.server.find = advertise("18.0.0");
});

const LINK = "/usr/local/bin/teleport-update";
const COPY = `${NAMESPACE.updaterCopies}/${PROGRAM_VERSION}-${PROGRAM_BUILD}/teleport-update`;

describe("enabling again", () => {
  test("writes nothing at all on a host that is right", async () => {
    using host = offlineHost(site);
    await host.enroll();
    const [before, times] = [host.tree(), changeTimes(host)];
    await host.enroll();
    expect(host.tree()).toEqual(before);
    expect(changeTimes(host)).toEqual(times);
  });

  test("mends what differs, and nothing else", async () => {
    using host = offlineHost(site);
    await host.enroll();
    const before = host.tree();
    const times = changeTimes(host);
    host.files.removeFile(NAMESPACE.teleportDropIn);
    host.files.placeLink("/usr/local/bin/tctl", "/nowhere");
    await host.enroll();
    expect(host.tree()).toEqual(before);
    const touched = Object.entries(changeTimes(host)).filter(([path, time]) => times[path] !== time);
    expect(touched.map(([path]) => path).sort()).toEqual([
      dirname(NAMESPACE.teleportDropIn),
      NAMESPACE.teleportDropIn,
      // The journal came and went.
      NAMESPACE.directory,
      "/usr/local/bin",
      "/usr/local/bin/tctl",
    ]);
  });
});

describe("a host of upstream's updater", () => {
  test("is taken over with every setting, without a download", async () => {
    using host = runningHost(site);
    await installAsUpstream(host);
    site.takeRequests();
    const before = host.tree();
    await host.enroll({ proxy: "", baseUrl: "" });

    expect(site.takeRequests()).toEqual(["/webapi/find?group=blue", `mirror.test${release.urlPath}.sha256`]);
    expect(host.config()).toBe(UPSTREAM_CONFIG);
    const theirs = before.filter((line) => !line.startsWith(`${LINK} `) && !line.includes("/setup-calls.jsonl"));
    expect(host.tree()).toEqual(expect.arrayContaining(theirs));
    const ours = host.tree().filter((line) => !before.includes(line) && !line.startsWith(`${NAMESPACE.directory}/`));
    const others = ours.filter((line) => !/\.service\.(wants|d)\//.test(line));
    expect(others).toEqual([`${LINK} -> ${COPY}`]);
    expect(ours).toContainEqual(expect.stringContaining(`${NAMESPACE.updaterDropIn} 644 `));
    expect(host.files.readLink(LINK)).toBe(COPY);
  });

  test("moves on to the next release", async () => {
    using host = runningHost(site);
    await installAsUpstream(host);
    site.server.find = advertise("18.1.0");
    await host.enroll({ proxy: "", baseUrl: "" });
    expect(host.config()).toBe(upstreamConfig({ active: "18.1.0", backup: "18.0.0" }));
    expect(host.files.readLink("/usr/local/bin/teleport")).toBe(`${NAMESPACE.versions}/18.1.0/bin/teleport`);
    expect(host.files.readLink(LINK)).toBe(COPY);
  });
});

const upstreamConfig = ({ active, backup }: { active: string; backup: string }) =>
  updateYaml(
    [
      "proxy: PROXY",
      "path: /usr/local/bin",
      "group: blue",
      "base_url: https://mirror.test",
      "enabled: true",
      "pinned: true",
      "selinux_ssh: true",
    ],
    [
      "id_file: /tmp/teleport-update.id",
      "last_update:",
      "    success: true",
      "    time: 2025-01-01T00:00:00.5Z",
      "    target:",
      "        version: 17.0.0",
      "active:",
      `    version: ${active}`,
      "backup:",
      `    version: ${backup}`,
      "skip:",
      "    version: 17.5.0",
    ],
  );

const UPSTREAM_CONFIG = upstreamConfig({ active: "18.0.0", backup: "17.0.0" });

/** As upstream's `enable` leaves a host: its own updater linked, the units written by it, the timer on. */
async function installAsUpstream(host: UpdateHost): Promise<void> {
  const version = `${NAMESPACE.versions}/18.0.0`;
  const unpacked = join(host.root, "unpacked");
  host.files.makeDirectory("/unpacked");
  await must(["tar", "-xzf", release.archive, "-C", unpacked, "--strip-components=1"]);
  for (const name of PROGRAMS) {
    host.files.makeDirectory(`${version}/bin`);
    host.files.rename(`/unpacked/${name}`, `${version}/bin/${name}`);
    host.link(`/usr/local/bin/${name}`, `${version}/bin/${name}`);
  }
  host.write(
    `${version}/lib/systemd/system/teleport.service`,
    host.read("/unpacked/examples/systemd/teleport.service"),
  );
  host.write(`${version}/sha256`, release.sha256);
  host.files.removeTree("/unpacked");

  host.setConfig(UPSTREAM_CONFIG);
  host.files.makeDirectory("/lib/systemd/system");
  host.files.makeDirectory("/var/lib/teleport");
  const { exitCode } = await host.world.processes.run([`${version}/bin/teleport-update`, ...SETUP], {
    environment: {
      TELEPORT_UPDATE_SETUP_VERSION: "18.0.0",
      TELEPORT_UPDATE_SETUP_TBOT: "true",
      TELEPORT_UPDATE_SELINUX_SSH: "true",
    },
  });
  expect(exitCode).toBe(0);
}

const PROGRAMS = ["fdpass-teleport", "tbot", "tctl", "teleport", "teleport-update", "tsh"];
const SETUP = [
  ...["--install-dir", "/opt/teleport", "--install-suffix", "", "--log-format", "text"],
  ...["setup", "--path", "/usr/local/bin", "--reload"],
];

/** When each entry was last written, in nanoseconds, but for what the lock touches. */
function changeTimes(host: UpdateHost): Record<string, bigint> {
  const names = readdirSync(host.root, { recursive: true, encoding: "utf8" }).map((name) => `/${name}`);
  const watched = names.filter((path) => ![NAMESPACE.lock, historyPath(NAMESPACE)].includes(path));
  return Object.fromEntries(watched.map((path) => [path, lstatSync(join(host.root, path), { bigint: true }).mtimeNs]));
}
