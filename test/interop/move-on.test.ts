import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { disable } from "../../src/update/disable.ts";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { brokenPromises } from "../faults/bench-host.ts";
import { damagedVersions } from "../faults/whole-versions.ts";
import { failingDisk } from "../support/failing-disk.ts";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
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

type Run = (host: UpdateHost) => Promise<void>;
const enrollInto =
  (version: string, request: Partial<EnrollRequest> = {}): Run =>
  async (host) => {
    site.server.find = advertise(version);
    await host.enroll(request);
  };
const updateTo =
  (version: string): Run =>
  async (host) => {
    site.server.find = advertise(version);
    await host.update();
  };

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
  const problems = await afterEachKill(one, async (host) => {
    await upstreamMoves(host, moveTo(to));
    await disable(host.world, { namespace: NAMESPACE });
    return [...brokenPromises(host.root), ...(await damagedVersions(host.root)), ...straysFrom(host, to)];
  });
  expect(problems).toEqual([]);
});

test.each([1, 4])("upstream is killed too, with %d links placed: none leads into nothing", async (count) => {
  const problems = await afterEachKill(UPDATE, async (host) => {
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

/** Kills the run at its first call that changes the disk, at its second and so on, and answers what `goOn` finds wrong. */
async function afterEachKill(
  { start, killed }: Pick<Case, "start" | "killed">,
  goOn: (host: UpdateHost) => Promise<string[]>,
): Promise<string[]> {
  using before = offlineHost(site);
  for (const step of start) await step(before);
  const problems: string[] = [];
  let unfinished = 0;
  for (let call = 0, isOver = false; !isOver; call += 1) {
    using host = await copyOf(before);
    isOver = await runUntil(host, call, killed);
    if (host.files.stat(journalPath(NAMESPACE)) !== undefined) unfinished += 1;
    problems.push(...(await goOn(host)).map((problem) => `killed at call ${call}: ${problem}`));
    expect(host.files.stat(journalPath(NAMESPACE))).toBeUndefined();
  }
  expect(unfinished).toBeGreaterThan(5);
  return problems;
}

async function copyOf({ root }: UpdateHost): Promise<UpdateHost> {
  const host = offlineHost(site);
  // Files are shared: no updater writes into an existing one.
  await must(["cp", "-alT", root, host.root]);
  return host;
}

/** True when the run came to its end before that call. What is staged is nobody's yet, and not counted. */
async function runUntil(host: UpdateHost, call: number, run: Run): Promise<boolean> {
  const disk = failingDisk(host.files);
  disk.fail({ call, faults: ["not made"], isLasting: true }, (path) => !path.includes("/.staging-"));
  host.world.files = disk.files;
  const failure: unknown = await run(host).catch((error: unknown) => error);
  host.world.files = host.files;
  return failure === undefined;
}

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
