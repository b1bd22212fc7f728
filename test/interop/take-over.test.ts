import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/platform/clock.ts";
import { disable } from "../../src/update/disable.ts";
import { readStatus } from "../../src/update/status.ts";
import { formatStatus } from "../../src/update/status-format.ts";
import { unpin } from "../../src/update/unpin.ts";
import { update } from "../../src/update/update.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import { layUpstreamHost, UPSTREAM_HOSTS, upstreamText, upstreamTexts } from "../support/upstream-host.ts";
import {
  clusterOf,
  type InteropSite,
  startInteropSite,
  type TakenHost,
  takenHost,
  UPSTREAM_HOST_NAMES,
  type UpstreamHostName,
} from "./taken-host.ts";

/** What becomes of a host of upstream's in our hands. With a systemd that runs: `test/booted/interop.test.ts`. */

let site: InteropSite;
beforeAll(async () => {
  site = await startInteropSite();
});
afterAll(() => site[Symbol.asyncDispose]());

/** `enable` without a word. */
const KEEP = { proxy: "", baseUrl: "" };
const OUR_HEADER = "# Written again at every update";

const STARTED_AT = "2025-06-07T08:09:10.11Z";
const clock = { ...systemClock, now: () => new Date(STARTED_AT) };
const runUpdate = (host: TakenHost, isNow = false) =>
  update(host.world, {
    namespace: host.namespace,
    isNow,
    selfSetup: false,
    insecure: false,
    debug: false,
    logFormat: "text",
    temporaryDirectory: "/tmp",
  });

/** The kinds of what was asked for, in order. */
function asked(): string[] {
  return site.takeRequests().map((request) => /find|\.sha256$|\.tar\.gz$/.exec(request)?.[0] ?? request);
}

/** The links of a folder, by name. */
function links({ files }: UpdateHost, folder: string): Record<string, string | undefined> {
  return Object.fromEntries((files.list(folder) ?? []).map((name) => [name, files.readLink(join(folder, name))]));
}

const linkDirectory = ({ typed }: TakenHost) => /path: (.*)/.exec(typed)?.[1] ?? "";
const versionsAndPackage = (host: UpdateHost) =>
  host.tree().filter((line) => /^\/opt\/teleport\/(system|\w+\/versions)\//.test(line));

describe.each(UPSTREAM_HOST_NAMES)("a host that upstream left: %s", (name) => {
  test("`enable` keeps every setting, and makes the units and the updater ours", async () => {
    using host = await takenHost(site, name);
    const { namespace, upstream } = host;
    const [linked, kept] = [links(host, linkDirectory(host)), versionsAndPackage(host)];
    await host.enroll({ ...KEEP, namespace });

    expect(host.settings()).toBe(host.typed.replace("enabled: false", "enabled: true"));
    expect(links(host, linkDirectory(host))).toEqual({
      ...linked,
      "teleport-update": expect.stringMatching(new RegExp(`^${namespace.directory}/updater/[^/]+/teleport-update$`)),
    });
    const units = upstreamTexts(upstream).filter((path) => /^\/(etc|lib)\/systemd\/system\//.test(path));
    expect(units).not.toEqual([]);
    for (const unit of units) {
      expect(upstreamText(upstream, unit)).not.toContain(OUR_HEADER);
      expect(host.read(unit)).toStartWith(`# teleport-update ${upstream.active}\n${OUR_HEADER}`);
    }
    expect(host.read(namespace.needrestart)).toBe(upstreamText(upstream, namespace.needrestart));
    expect(versionsAndPackage(host)).toEqual(kept);
  });

  test("the version on disk is known by its checksum, and not downloaded; a second `enable` changes nothing", async () => {
    using host = await takenHost(site, name);
    await host.enroll({ ...KEEP, namespace: host.namespace });
    expect(asked()).toEqual(["find", ".sha256"]);
    const once = host.tree();
    await host.enroll({ ...KEEP, namespace: host.namespace });
    expect(host.tree()).toEqual(once);
  });

  test("`enable` with other settings changes those alone", async () => {
    using host = await takenHost(site, name);
    await host.enroll({ proxy: "", group: "day", baseUrl: "https://cdn.teleport.dev", namespace: host.namespace });
    expect(host.settings()).toBe(
      host.typed
        .replace(/ {4}(group|base_url): .*\n/g, "")
        .replace(/( {4}path: .*\n)/, "$1    group: day\n    base_url: https://cdn.teleport.dev\n")
        .replace("enabled: false", "enabled: true"),
    );
  });

  test("`disable` and `unpin` change one word each, and nothing beside them", async () => {
    using host = await takenHost(site, name);
    const besides = () => host.tree().filter((line) => !line.startsWith(`${host.namespace.config} `));
    const before = besides();
    await disable(host.world, { namespace: host.namespace });
    await unpin(host.world, { namespace: host.namespace });
    expect(host.settings()).toBe(
      host.typed.replace("enabled: true", "enabled: false").replace("pinned: true", "pinned: false"),
    );
    expect(besides()).toEqual(before);
  });
});

test("`enable` leaves the neighbour with another suffix alone", async () => {
  using host = await takenHost(site, "default");
  const blue = UPSTREAM_HOSTS.blue;
  await layUpstreamHost(host.root, blue, { proxy: site.server.address, archives: site.archives });
  const neighbour = () => host.tree().filter((line) => line.includes("blue"));
  const before = neighbour();
  await host.enroll(KEEP);
  expect(neighbour()).toEqual(before);
});

test("`pin` goes back to the backup on disk without downloading it", async () => {
  using host = await takenHost(site, "history");
  await host.enroll({ ...KEEP, command: "pin", forceVersion: "18.0.0" });
  expect(asked()).toEqual(["find", ".sha256"]);
  expect(host.settings()).toBe(
    host.typed
      .replace("pinned: false", "pinned: true")
      .replace(
        "active:\n        version: 18.1.0\n    backup:\n        version: 18.0.0",
        "active:\n        version: 18.0.0\n    backup:\n        version: 18.1.0",
      ),
  );
  expect(host.files.readLink("/usr/local/bin/tsh")).toBe("/opt/teleport/default/versions/18.0.0/bin/tsh");
});

test("`enable` starts over where upstream's first `enable` failed", async () => {
  using host = offlineHost(site);
  host.setConfig(upstreamText({ trees: ["failed-enable"] }, NAMESPACE.config));
  site.server.find = clusterOf(UPSTREAM_HOSTS.default, "18.1.0");
  await host.enroll({ baseUrl: "" });
  expect(host.config()).toBe(upstreamText(UPSTREAM_HOSTS.default, NAMESPACE.config));
});

describe("`update` on a host that upstream left", () => {
  test.each<[name: UpstreamHostName, version: string, inWindow: boolean, isNow: boolean, requests: string[]]>([
    ["default", "18.1.0", true, false, ["find"]],
    ["default", "18.3.0", false, false, ["find"]],
    ["pinned", "18.3.0", true, true, []],
    ["history", "18.1.0", true, true, ["find"]],
    ["failed update", "18.2.0", true, true, ["find"]],
    ["enterprise", "18.1.0", true, false, ["find"]],
    ["blue", "18.1.0", true, false, ["find"]],
  ])("%s, to %s (in window: %p, now: %p): stays as it is", async (name, version, inWindow, isNow, requests) => {
    using host = await takenHost(site, name);
    site.server.find = clusterOf(host.upstream, version, inWindow);
    const before = host.tree();
    await runUpdate(host, isNow);
    expect(host.tree()).toEqual(before);
    expect(asked()).toEqual(requests);
  });

  test.each<[name: UpstreamHostName, versions: string[]]>([
    ["default", ["18.1.0", "18.3.0"]],
    // The old backup makes room.
    ["history", ["18.1.0", "18.3.0"]],
    // With three versions on disk the one that failed goes.
    ["failed update", ["18.1.0", "18.3.0"]],
    ["blue", ["18.1.0", "18.3.0"]],
  ])("%s: moves to the cluster's version", async (name, versions) => {
    using host = await takenHost(site, name, { clock });
    const { namespace } = host;
    site.server.find = clusterOf(host.upstream, "18.3.0");
    await runUpdate(host);
    expect(asked()).toEqual(["find", ".sha256", ".tar.gz"]);
    expect(host.files.list(namespace.versions)).toEqual(versions);
    expect(host.files.readLink(join(linkDirectory(host), "teleport"))).toBe(
      `${namespace.versions}/18.3.0/bin/teleport`,
    );

    const [spec = "", status = ""] = host.typed.split("status:\n");
    const skip = /^ {4}skip:\n.*\n/m.exec(status)?.[0] ?? "";
    expect(host.settings()).toBe(`${spec}status:
    id_file: /tmp/teleport-update${name === "blue" ? "_blue" : ""}.id
    last_update:
        success: true
        time: ${STARTED_AT}
        target:
            version: 18.3.0
    active:
        version: 18.3.0
    backup:
        version: 18.1.0
${skip}`);
  });
});

describe("`status` of a host that upstream left", () => {
  test("tells all that upstream wrote", async () => {
    using host = await takenHost(site, "history");
    host.write("/tmp/teleport-update.id", "2c652f3c-ae11-5e5a-ba40-73cba91149cd\n");
    const before = host.tree();
    const { namespace } = host;
    const text = formatStatus(await readStatus(host.world, { namespace, insecure: false }));
    expect(text.replace(site.server.address, "PROXY")).toBe(`proxy: PROXY
path: /usr/local/bin
group: night
base_url: https://mirror.test
enabled: true
pinned: false
selinux_ssh: true
selinux_ssh_enforcing: true
last_update:
    success: true
    time: 2025-03-04T05:06:07.089Z
    target:
        version: 18.1.0
active:
    version: 18.1.0
backup:
    version: 18.0.0
skip:
    version: 18.0.9
target:
    version: 18.1.0
in_window: true
jitter: 0s
id: 2c652f3c-ae11-5e5a-ba40-73cba91149cd
`);
    expect(host.tree()).toEqual(before);
  });

  test("says that nothing is installed where its first `enable` failed", async () => {
    using host = offlineHost(site);
    host.setConfig(upstreamText({ trees: ["failed-enable"] }, NAMESPACE.config));
    await expect(readStatus(host.world, { namespace: NAMESPACE, insecure: false })).rejects.toMatchObject({
      code: "E_NOT_INSTALLED",
    });
  });
});
