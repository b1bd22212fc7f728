import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { kindsStruckIn } from "../faults/places.ts";
import { testingExecutablePath } from "../support/executable.ts";
import type { AlikeHosts } from "./support/alike-hosts.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { stateOf } from "./support/host-state.ts";
import {
  expectFinished,
  expectServing,
  keepOnly,
  NEW,
  OLD,
  startServing,
  turnBack,
  UPDATE,
} from "./support/moving-cluster.ts";
import { bootForStrikes, type StrikeCase, strikeOf } from "./support/strike-cases.ts";
import { expectLinksWhole, KILLED, runUndisturbed, strikeAt } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost } from "./support/updater-host.ts";

let cluster: Cluster;
let hosts: AlikeHosts<StrikeCase>;
/** What a run that nobody strikes passes. */
let undisturbed: readonly string[];
beforeAll(async () => {
  cluster = await startCluster([{ version: OLD }, { version: NEW }]);
  const executable = await testingExecutablePath();
  hosts = await bootForStrikes(() => bootUpdaterHost(cluster.ca, { executable, files: timerHeldBack() }));
  await hosts.each((host) => startServing(host, cluster));

  const { from, target } = turnBack(cluster);
  await hosts.each(async (host) => {
    keepOnly(host, from);
    undisturbed = (await runUndisturbed(host, UPDATE)).points;
    await expectServing(host, cluster, target);
  });
}, 300_000);
afterAll(async () => {
  await hosts?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

describe("an update of an agent and a bot that run, struck in every way", () => {
  test.each([...kindsStruckIn("update"), "commit" as const])("at the first change of kind %s", async (kind) => {
    const { from, target } = turnBack(cluster);
    await hosts.each(async (host, name) => {
      keepOnly(host, from);
      const before = await stateOf(host, { config: false });
      const { point, strike } = strikeOf(name, kind);
      const { exitCode } = await strikeAt(host, UPDATE, undisturbed, point, strike);
      expectLinksWhole(host);
      if (strike === "kill") {
        expect(exitCode).toBe(KILLED);
      } else if (kind === "remove") {
        // After the commit: nothing is put back any more, and a failure is only warned about.
        expect(exitCode).toBe(0);
        await expectServing(host, cluster, target);
      } else {
        expect(exitCode).toBe(1);
        expect(await stateOf(host, { config: false })).toEqual(before);
        await expectServing(host, cluster, from);
      }
      await expectFinished(host, cluster, target);
    });
  });
});
