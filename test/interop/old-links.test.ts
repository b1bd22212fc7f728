import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { dirname } from "node:path";
import { isBelow, linkEnd } from "../../src/host/linked.ts";
import { namespaceFor, PACKAGE_DIRECTORY } from "../../src/settings/namespace.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { linkPackage } from "../../src/update/link-package.ts";
import { readJournal } from "../../src/update/read-journal.ts";
import { recover } from "../../src/update/recover.ts";
import { uninstall } from "../../src/update/uninstall.ts";
import { brokenPromises } from "../faults/bench-host.ts";
import { layOutPackage } from "../support/teleport-package.ts";
import { NAMESPACE, type UpdateHost } from "../support/update-host.ts";
import { afterEachKill, enrolling, type Run, updating } from "./each-kill.ts";
import { type InteropSite, startInteropSite } from "./taken-host.ts";

/**
 * A run is killed at each call on a host whose links are not all of that run: some led into the version before it came, and
 * what others led into goes before the next run. However far the run came, no link is taken for what it is not.
 */

setDefaultTimeout(120_000);

let site: InteropSite;
beforeAll(async () => {
  site = await startInteropSite();
});
afterAll(() => site[Symbol.asyncDispose]());

const enrollInto = (version: string, request: Partial<EnrollRequest> = {}): Run =>
  enrolling(() => site, version, request);
const updateTo = (version: string): Run => updating(() => site, version);
const alias =
  (name: string, version: string): Run =>
  async (host) =>
    host.link(`/usr/local/bin/${name}`, `${NAMESPACE.versions}/${version}/bin/teleport`);
const spoil =
  (version: string): Run =>
  async (host) =>
    host.files.removeFile(`${NAMESPACE.versions}/${version}/sha256`);

interface Case {
  name: string;
  start: readonly Run[];
  killed: Run;
}
const CASES: readonly Case[] = [
  {
    name: "an alias into the version to come",
    start: [enrollInto("18.0.0"), alias("teleport-next", "18.1.0")],
    killed: updateTo("18.1.0"),
  },
  {
    name: "an alias into a backup that is fetched anew",
    start: [enrollInto("18.1.0"), updateTo("18.0.0"), alias("teleport-old", "18.1.0"), spoil("18.1.0")],
    killed: updateTo("18.1.0"),
  },
  {
    name: "links of an earlier `--path`",
    start: [enrollInto("18.0.0"), enrollInto("18.1.0", { path: "/opt/b/bin" }), updateTo("18.2.0")],
    killed: updateTo("18.0.0"),
  },
  {
    name: "an alias, and a pin",
    start: [enrollInto("18.0.0"), alias("teleport-next", "18.1.0")],
    killed: enrollInto("18.1.0", { command: "pin" }),
  },
  {
    name: "an alias, and a file that is moved aside",
    start: [alias("teleport-next", "18.1.0"), async (host) => host.write("/usr/local/bin/teleport", "by hand", 0o755)],
    killed: enrollInto("18.1.0", { overwrite: true }),
  },
];

test.each(CASES)("$name: the killed run is undone", async (one) => {
  const problems = await afterEachKill(site, one, async (host, before) => {
    const isUnfinished = readJournal(host.files, NAMESPACE) !== undefined;
    await recover(host.world, NAMESPACE);
    return isUnfinished ? [...changed(linksOf(before), linksOf(host)), ...changed(stateOf(before), stateOf(host))] : [];
  });
  expect(problems).toEqual([]);
});

describe("no link leads into nothing, and the next `enable` mends the rest, where", () => {
  test("a package goes with its links", async () => {
    const start: Run = async (host) => {
      await layOutPackage(host.root, { version: "18.0.0" });
      await linkPackage(host.world, { namespace: NAMESPACE });
    };
    const problems = await afterEachKill(site, { start: [start], killed: enrollInto("18.1.0") }, async (host) => {
      for (const path of pathsIn(host)) {
        if (isBelow(linkEnd(host.files, path) ?? "", PACKAGE_DIRECTORY)) host.files.removeFile(path);
      }
      host.files.removeTree(PACKAGE_DIRECTORY);
      return wholeAfter(host, "18.1.0");
    });
    expect(problems).toEqual([]);
  });

  test("another suffix with the same link directory is uninstalled", async () => {
    const other = namespaceFor("other");
    const start = enrollInto("18.0.0", { namespace: other, path: "/usr/local/bin" });
    const problems = await afterEachKill(site, { start: [start], killed: enrollInto("18.1.0") }, async (host) => {
      await uninstall(host.world, { namespace: other, force: true });
      return wholeAfter(host, "18.1.0");
    });
    expect(problems).toEqual([]);
  });

  test("the version before is removed by hand", async () => {
    const killed = { start: [enrollInto("18.0.0")], killed: updateTo("18.1.0") };
    const problems = await afterEachKill(site, killed, async (host, before) => {
      host.files.removeTree(`${NAMESPACE.versions}/18.0.0`);
      const isMoving = changed(linksOf(before), linksOf(host)).length > 0;
      return isMoving ? [...(await wholeAfter(host, "18.1.0")), ...activeIsnt(host, "18.1.0")] : mended(host, "18.1.0");
    });
    expect(problems).toEqual([]);
  });

  test("our own package goes, whose program the timer would run", async () => {
    const start: Run[] = [enrollInto("18.0.0", { path: "/usr/bin" }), overlay];
    const killed = { start, killed: enrollInto("18.1.0") };
    const problems = await afterEachKill(site, killed, async (host) => {
      host.files.removeTree(dirname(PROGRAM));
      const isPlaced = host.files.statFollowed(UPDATER) !== undefined;
      await recover(host.world, NAMESPACE);
      const isLost = isPlaced && host.files.statFollowed(UPDATER) === undefined;
      return [...(isLost ? ["the updater is gone"] : []), ...mixed(host), ...(await mended(host, "18.1.0"))];
    });
    expect(problems).toEqual([]);
  });
});

test("`copies keep` of our package is no other updater: the killed run is undone beside it", async () => {
  const killed = { start: [enrollInto("18.0.0", { path: "/usr/bin" }), overlay], killed: enrollInto("18.1.0") };
  const problems = await afterEachKill(site, killed, async (host, before) => {
    if (linkEnd(host.files, UPDATER) === PROGRAM) {
      host.write(COPY, "program", 0o755);
      host.link(UPDATER, COPY);
    }
    host.files.removeTree(dirname(PROGRAM));
    const isUnfinished = readJournal(host.files, NAMESPACE) !== undefined;
    await recover(host.world, NAMESPACE);
    const programs = (each: UpdateHost) => linksOf(each).filter((line) => !line.startsWith(UPDATER));
    const isLost = host.files.statFollowed(UPDATER) === undefined;
    return [
      ...(isUnfinished ? changed(programs(before), programs(host)) : []),
      ...(isLost ? ["the updater is gone"] : []),
    ];
  });
  expect(problems).toEqual([]);
});

const UPDATER = "/usr/bin/teleport-update";
const PROGRAM = "/usr/lib/teleport-update/teleport-update";
const COPY = `${NAMESPACE.updaterCopies}/given-0123456789abcdef/teleport-update`;

/** As an upgrade of our package leaves a host with `--path /usr/bin`. */
async function overlay(host: UpdateHost): Promise<void> {
  host.write(PROGRAM, "program", 0o755);
  host.link(UPDATER, "../lib/teleport-update/teleport-update");
}

const FOLDERS = ["/usr/local/bin", "/usr/bin", "/opt/b/bin"];
const pathsIn = ({ files }: UpdateHost) =>
  FOLDERS.flatMap((folder) => (files.list(folder) ?? []).map((name) => `${folder}/${name}`));
const linksOf = (host: UpdateHost) =>
  pathsIn(host).map((path) => `${path} -> ${host.files.readLink(path) ?? "a file"}`);
const stateOf = (host: UpdateHost) => (host.config() ?? "").split("\n").filter((line) => /pinned|enabled/.test(line));
const changed = (before: readonly string[], after: readonly string[]) => [
  ...before.filter((line) => !after.includes(line)).map((line) => `lost: ${line}`),
  ...after.filter((line) => !before.includes(line)).map((line) => `new: ${line}`),
];

/** What is wrong after the recovery, and after the next `enable`. */
async function wholeAfter(host: UpdateHost, version: string): Promise<string[]> {
  await recover(host.world, NAMESPACE);
  return [...brokenPromises(host.root), ...mixed(host), ...(await mended(host, version))];
}

async function mended(host: UpdateHost, version: string): Promise<string[]> {
  await enrollInto(version)(host);
  return [...brokenPromises(host.root), ...mixed(host), ...activeIsnt(host, version)].map((text) => `enabled: ${text}`);
}

function mixed(host: UpdateHost): string[] {
  const versions = new Set(linksOf(host).flatMap((line) => /\/versions\/([^/]+)/.exec(line)?.[1] ?? []));
  return versions.size > 1 ? [`links lead into ${[...versions].join(" and ")}`] : [];
}

function activeIsnt(host: UpdateHost, version: string): string[] {
  const active = /active:\n +version: (.*)/.exec(host.config() ?? "")?.[1];
  return active === version ? [] : [`${active} is active`];
}
