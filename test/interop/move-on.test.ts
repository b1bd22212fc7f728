import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { disable } from "../../src/update/disable.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { brokenPromises } from "../faults/bench-host.ts";
import { damagedVersions } from "../faults/whole-versions.ts";
import { NAMESPACE, type UpdateHost } from "../support/update-host.ts";
import { afterEachKill, enrolling, type Run, updating } from "./each-kill.ts";
import { type InteropSite, startInteropSite } from "./taken-host.ts";
import { upstreamMoves } from "./upstream-run.ts";

/**
 * A run of ours is killed, and before the next one upstream's updater moves the host: it knows nothing of the journal, and
 * what it linked must stay. A disk that takes no more calls stands for the kill, at each call in turn.
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

interface Case {
  name: string;
  start: readonly Run[];
  killed: Run;
  /** Where upstream moves the host. */
  to: string;
}
const UPDATE = { name: "`update`", start: [enrollInto("18.0.0")], killed: updateTo("18.1.0") };
const CASES: readonly Case[] = [
  { name: "`enable` on a fresh host", start: [], killed: enrollInto("18.1.0"), to: "18.1.0" },
  { ...UPDATE, to: "18.1.0" },
  { ...UPDATE, to: "18.0.0" },
  {
    name: "`update` back to the backup",
    start: [...UPDATE.start, updateTo("18.1.0")],
    killed: updateTo("18.0.0"),
    to: "18.0.0",
  },
  // Every link of ours leads where upstream's does.
  {
    name: "`enable --hand-over`",
    start: [enrollInto("18.0.0", { handOver: true })],
    killed: enrollInto("18.1.0", { handOver: true }),
    to: "18.1.0",
  },
];

test.each(CASES)("$name is killed at each call, and upstream moves to $to: that stands", async (one) => {
  const { to } = one;
  const problems = await afterEachKill(site, one, async (host) => {
    await upstreamMoves(host, moveTo(to));
    await disable(host.world, { namespace: NAMESPACE });
    return [...brokenPromises(host.root), ...(await damagedVersions(host.root)), ...straysFrom(host, to)];
  });
  expect(problems).toEqual([]);
});

test.each([1, 4])("upstream is killed too, with %d links placed: none leads into nothing", async (count) => {
  const problems = await afterEachKill(site, UPDATE, async (host) => {
    await upstreamMoves(host, { ...moveTo("18.1.0"), cutAfterLinks: count });
    await disable(host.world, { namespace: NAMESPACE });
    return brokenPromises(host.root);
  });
  expect(problems).toEqual([]);
});

const moveTo = (version: string) => ({
  version,
  archive: site.archives[version] ?? "",
  proxy: site.server.address,
});

/** Links that lead elsewhere than into the version that upstream linked, and an `update.yaml` that names another. */
function straysFrom({ files, config }: UpdateHost, version: string): string[] {
  const folder = NAMESPACE.defaultLinkDirectory;
  const links = (files.list(folder) ?? []).map((name) => `${name} leads to ${files.readLink(`${folder}/${name}`)}`);
  const active = /active:\n +version: (.*)/.exec(config() ?? "")?.[1];
  return [
    ...links.filter((text) => !text.includes(`/versions/${version}/bin/`)),
    ...(active === version ? [] : [`${active} is active`]),
  ];
}
