import { afterAll, beforeAll, expect, test } from "bun:test";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type AlikeHosts, bootAlike } from "./support/alike-hosts.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { type HostState, stateOf } from "./support/host-state.ts";
import { expectServing, OLD, startServing, UPDATE } from "./support/moving-cluster.ts";
import { expectLinksWhole, KILLED, runLogged, runUndisturbed, strikeAt } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

/** Their agents end as soon as they are reloaded into. Two, as a release that failed is not tried again. */
const DYING = "18.3.0";
const DYING_TOO = "18.4.0";
const OWN_SETUP = [...UPDATE, "--self-setup"];

/** Where the roll back is killed, and in which update: our own templates make what the release's setup makes otherwise. */
const CASES = {
  setup: UPDATE,
  "daemon-reload": UPDATE,
  link: UPDATE,
  move: UPDATE,
  reload: UPDATE,
  unit: OWN_SETUP,
  directory: OWN_SETUP,
  file: OWN_SETUP,
} satisfies Record<string, readonly string[]>;
type Case = keyof typeof CASES;

let cluster: Cluster;
let hosts: AlikeHosts<Case>;
beforeAll(async () => {
  const bad = { agent: "exits-at-once" } as const;
  cluster = await startCluster([{ version: OLD }, { version: DYING, bad }, { version: DYING_TOO, bad }]);
  const executable = await testingExecutablePath();
  hosts = await bootAlike(Object.keys(CASES) as Case[], () =>
    bootUpdaterHost(cluster.ca, { executable, files: timerHeldBack() }),
  );
  await hosts.each(async (host, kind) => {
    await startServing(host, cluster);
    if (CASES[kind] === OWN_SETUP) await wear(host);
  });
}, 300_000);
afterAll(async () => {
  await hosts?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test("a roll back that is killed, after the first change of any kind is undone, is ended by the next run", async () => {
  const undisturbed = new Map<Case, readonly string[]>();
  const before = new Map<Case, HostState>();
  cluster.find = advertise(DYING);
  await hosts.each(async (host, kind) => {
    const { exitCode, code, points } = await runLogged(host, CASES[kind]);
    expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
    undisturbed.set(kind, points);
    before.set(kind, await stateOf(host, { config: false }));
  });

  cluster.find = advertise(DYING_TOO);
  await hosts.each(async (host, kind) => {
    const points = undisturbed.get(kind) ?? [];
    const { exitCode } = await strikeAt(host, CASES[kind], points, `${kind}:undone`, "kill");
    expect(exitCode).toBe(KILLED);
    expectLinksWhole(host);
  });

  // So that all that the next run has to do is to put back.
  cluster.find = advertise(OLD);
  await hosts.each(async (host, kind) => {
    await runUndisturbed(host, UPDATE);
    expect(await stateOf(host, { config: false })).toEqual(before.get(kind) as HostState);
    await expectServing(host, cluster, OLD);
  });
});

/** As an operator may leave a host: its timer off and a drop-in away, which our own templates put right. */
async function wear(host: UpdaterHost): Promise<void> {
  await host.exec(["systemctl", "disable", "--now", "teleport-update.timer"]);
  await host.exec(["rm", "-r", "/etc/systemd/system/teleport.service.d"]);
  await host.exec(["systemctl", "daemon-reload"]);
}
