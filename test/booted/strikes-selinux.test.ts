import { afterAll, beforeAll, expect, test } from "bun:test";
import { kindsStruckIn } from "../faults/places.ts";
import { testingExecutablePath } from "../support/executable.ts";
import type { AlikeHosts } from "./support/alike-hosts.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { enableWithOwnSetup } from "./support/enrolling.ts";
import { type HostState, stateOf } from "./support/host-state.ts";
import { SELINUX_PACKAGES } from "./support/selinux-host.ts";
import { bootForStrikes, type StrikeCase, strikeOf } from "./support/strike-cases.ts";
import { expectLinksWhole, KILLED, runUndisturbed, strikeAt } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";
import { expectWhole } from "./support/whole.ts";

const VERSION = "18.1.0";

let cluster: Cluster;
let hosts: AlikeHosts<StrikeCase>;
let enable: readonly string[];
/** What an enable that nobody strikes passes. */
let undisturbed: readonly string[];
beforeAll(async () => {
  cluster = await startCluster([{ version: VERSION }]);
  enable = enableWithOwnSetup(cluster, "--selinux-ssh");
  const executable = await testingExecutablePath();
  const bootOne = () => bootUpdaterHost(cluster.ca, { executable, packages: SELINUX_PACKAGES, files: timerHeldBack() });
  hosts = await bootForStrikes(bootOne);
  await using spare = await bootOne();
  undisturbed = (await runUndisturbed(spare, enable)).points;
}, 600_000);
afterAll(async () => {
  await hosts?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** Building the module takes ten seconds alone. */
const TIMEOUT_MS = 300_000;

test.each(kindsStruckIn("enable with SELinux"))(
  "a first enable, struck in every way at its %s",
  async (kind) => {
    await hosts.each(async (host, name) => {
      const fresh = await seenBy(host);
      const { point, strike } = strikeOf(name, kind);
      const { exitCode } = await strikeAt(host, enable, undisturbed, point, strike);
      expectLinksWhole(host);
      expect(exitCode).toBe(strike === "kill" ? KILLED : 1);
      if (strike !== "kill") expect(await seenBy(host)).toEqual(fresh);
      await runUndisturbed(host, enable);
      await expectWhole(host, cluster, { revision: VERSION, running: [] });
      expect((await seenBy(host)).modules).toContain("teleport_ssh");
    });
  },
  TIMEOUT_MS,
);

/** With the policy's modules, and what the module makes for the agent. */
async function seenBy(host: UpdaterHost): Promise<HostState & { modules: string[]; agentPaths: string }> {
  const agentPaths = ["/etc/teleport.yaml", "/etc/teleport-upgrade.d", "/var/lib/teleport"];
  return {
    ...(await stateOf(host)),
    modules: (await host.ask("semodule", "-l")).split("\n"),
    agentPaths: await host.ask("find", ...agentPaths, "-maxdepth", "0"),
  };
}
