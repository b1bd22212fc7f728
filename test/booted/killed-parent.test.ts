import { afterAll, beforeAll, expect, test } from "bun:test";
import { testingExecutablePath } from "../support/executable.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { expectServing, keepOnly, NEW, OLD, startServing, turnBack, UPDATE } from "./support/moving-cluster.ts";
import { STALLING_SYSTEMCTL, stallSetup } from "./support/stalling-setup.ts";
import { expectLinksWhole, KILLED } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

const LOCK = "/opt/teleport/default/update.lock";

let cluster: Cluster;
let host: UpdaterHost;
beforeAll(async () => {
  cluster = await startCluster([{ version: OLD }, { version: NEW }]);
  host = await bootUpdaterHost(cluster.ca, {
    executable: await testingExecutablePath(),
    files: { ...timerHeldBack(), ...STALLING_SYSTEMCTL },
  });
  await startServing(host, cluster);
}, 300_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test("an update killed while the release's setup goes on: the next run waits for it, undoes, and moves", async () => {
  const { from, target } = turnBack(cluster);
  keepOnly(host, from);
  const setup = await stallSetup(host);
  const killed = host.exec(["sh", "-c", 'echo $$ >/run/updater.pid; exec "$@"', "sh", ...UPDATE]);
  await setup.reached();
  await host.exec(["sh", "-c", "kill -KILL $(cat /run/updater.pid)"]);
  // Its output stays open in the child, so its end is seen on the process itself.
  await eventually("the updater is gone", async () => {
    return (await host.exec(["sh", "-c", "test ! -e /proc/$(cat /run/updater.pid)"])).exitCode === 0;
  });
  expect((await host.exec(["flock", "--nonblock", LOCK, "true"])).exitCode).toBe(1);
  expectLinksWhole(host);

  const next = host.exec(["sh", "-c", 'exec "$@" 2>/run/next.log', "sh", ...UPDATE]);
  await eventually("the next run waits", async () =>
    (await host.exec(["cat", "/run/next.log"])).stdout.includes("Waiting for another updater."),
  );
  await setup.goOn();
  const { exitCode } = await next;
  const said = await host.readFile("/run/next.log");
  expect({ exitCode, said }).toEqual({ exitCode: 0, said: expect.stringContaining("undoing what it began") });
  expect((await killed).exitCode).toBe(KILLED);
  await expectServing(host, cluster, target);
});
