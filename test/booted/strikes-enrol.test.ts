import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { kindsStruckIn } from "../faults/places.ts";
import { testingExecutablePath } from "../support/executable.ts";
import type { AlikeHosts } from "./support/alike-hosts.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { enableWithOwnSetup, expectEnrolled, expectUninstalled, makeFresh, UNINSTALL } from "./support/enrolling.ts";
import { type HostState, stateOf } from "./support/host-state.ts";
import { bootForStrikes, type StrikeCase, strikeOf } from "./support/strike-cases.ts";
import { expectLinksWhole, KILLED, runUndisturbed, strikeAt } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost } from "./support/updater-host.ts";

const VERSION = "18.1.0";

let cluster: Cluster;
let hosts: AlikeHosts<StrikeCase>;
let enable: readonly string[];
/** How a host looks before it is enrolled, then, and once that is taken back: without any strike. */
let states: { fresh: HostState; enrolled: HostState; uninstalled: HostState };
/** What runs that nobody strikes pass. */
let undisturbed: { enable: readonly string[]; uninstall: readonly string[] };
beforeAll(async () => {
  cluster = await startCluster([{ version: VERSION }]);
  enable = enableWithOwnSetup(cluster);
  const executable = await testingExecutablePath();
  hosts = await bootForStrikes(() => bootUpdaterHost(cluster.ca, { executable, files: timerHeldBack() }));
  await hosts.each(async (host) => {
    const fresh = await stateOf(host);
    const { points: enablePoints } = await runUndisturbed(host, enable);
    const enrolled = await stateOf(host);
    const { points: uninstallPoints } = await runUndisturbed(host, UNINSTALL);
    states = { fresh, enrolled, uninstalled: await stateOf(host) };
    undisturbed = { enable: enablePoints, uninstall: uninstallPoints };
  });
}, 300_000);
afterAll(async () => {
  await hosts?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

describe("a first enable, struck in every way", () => {
  test.each([...kindsStruckIn("enable"), "commit" as const])("at the first change of kind %s", async (kind) => {
    await hosts.each(async (host, name) => {
      await makeFresh(host, states.fresh);
      const { point, strike } = strikeOf(name, kind);
      const { exitCode } = await strikeAt(host, enable, undisturbed.enable, point, strike);
      expectLinksWhole(host);
      expect(exitCode).toBe(strike === "kill" ? KILLED : 1);
      if (strike !== "kill") expect(await stateOf(host)).toEqual(states.fresh);
      await runUndisturbed(host, enable);
      await expectEnrolled(host, cluster, VERSION, states.enrolled);
    });
  });
});

describe("an uninstall, struck in every way", () => {
  test.each([...kindsStruckIn("uninstall"), "commit" as const])("at the first change of kind %s", async (kind) => {
    await hosts.each(async (host, name) => {
      await runUndisturbed(host, enable);
      const { point, strike } = strikeOf(name, kind);
      const { exitCode } = await strikeAt(host, UNINSTALL, undisturbed.uninstall, point, strike);
      expectLinksWhole(host);
      expect(exitCode).toBe(strike === "kill" ? KILLED : 1);
      // The folder goes after the commit, when nothing leads into it and nothing is put back any more.
      if (strike !== "kill" && kind !== "remove") await expectEnrolled(host, cluster, VERSION, states.enrolled);
      await runUndisturbed(host, UNINSTALL);
      await expectUninstalled(host, states.uninstalled);
    });
  });
});
