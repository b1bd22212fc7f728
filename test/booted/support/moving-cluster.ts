import { expect } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { advertise } from "../../support/proxy-and-cdn.ts";
import { type Cluster, enableFrom } from "./cluster.ts";
import { outcomeOf, type UpdaterHost } from "./updater-host.ts";
import { expectWhole, versionsOf } from "./whole.ts";

export const OLD = "18.1.0";
export const NEW = "18.2.0";
/** No longer needed by anybody, so that an update has something to remove. */
const ANCIENT = "17.0.0";
const VERSIONS = "/opt/teleport/default/versions";
export const UPDATE = ["teleport-update", "--log-format=json", "update", "--now"] as const;

/** Enrols a host at `OLD`, with its agent and its bot running. */
export async function startServing(host: UpdaterHost, cluster: Cluster): Promise<void> {
  await host.succeed([...enableFrom(cluster), "--force-version", OLD]);
  await host.exec(["systemctl", "enable", "--now", "teleport.service", "tbot.service"]);
  await expectServing(host, cluster, OLD);
}

/** The cluster wants the other one of the two releases from now on; answers where hosts move, and from where. */
export function turnBack(cluster: Cluster): { from: string; target: string } {
  const from = cluster.find.auto_update?.agent_version === NEW ? NEW : OLD;
  const target = from === OLD ? NEW : OLD;
  cluster.find = advertise(target);
  return { from, target };
}

/** The host has nothing but `active`: the target is to be fetched anew, and there is something to remove afterwards. */
export function keepOnly(host: UpdaterHost, active: string): void {
  for (const name of versionsOf(host)) {
    if (name !== active) rmSync(join(host.directory, VERSIONS, name), { recursive: true });
  }
  mkdirSync(join(host.directory, VERSIONS, ANCIENT));
}

/** The next run succeeds, and the host is whole at the target. */
export async function expectFinished(host: UpdaterHost, cluster: Cluster, target: string): Promise<void> {
  const { exitCode, stderr } = outcomeOf(await host.exec(UPDATE));
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
  await expectServing(host, cluster, target);
}

/** Whole at `revision`, and both services run it. */
export async function expectServing(host: UpdaterHost, cluster: Cluster, revision: string): Promise<void> {
  await expectWhole(host, cluster, { revision, running: ["teleport", "tbot"] });
}
