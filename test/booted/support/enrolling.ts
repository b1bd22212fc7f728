import { expect } from "bun:test";
import { type Cluster, enableFrom } from "./cluster.ts";
import { type HostState, stateOf } from "./host-state.ts";
import { runUndisturbed } from "./struck-run.ts";
import { UPDATER, type UpdaterHost } from "./updater-host.ts";
import { expectWhole, leftoversOf } from "./whole.ts";

export const UNINSTALL = [UPDATER, "--log-format=json", "uninstall", "--force"];

/** Enrols with the units from our own templates, so that every change is ours. */
export function enableWithOwnSetup(cluster: Cluster, ...flags: string[]): string[] {
  return [UPDATER, "--log-format=json", ...enableFrom(cluster), "--self-setup", ...flags];
}

/**
 * As it was before anybody enrolled it: without the empty folders and the data of the services that an uninstall keeps.
 * Fails when it keeps more.
 */
export async function makeFresh(host: UpdaterHost, fresh: HostState): Promise<void> {
  await runUndisturbed(host, UNINSTALL);
  await host.exec(["rm", "-rf", "/var/lib/teleport"]);
  await host.exec(["find", "/opt/teleport", "/etc/systemd/system", "-type", "d", "-empty", "-delete"]);
  await host.exec(["systemctl", "daemon-reload"]);
  expect(await stateOf(host)).toEqual(fresh);
}

/** Whole at `revision`, and no different from a host that was enrolled without any trouble. */
export async function expectEnrolled(
  host: UpdaterHost,
  cluster: Cluster,
  revision: string,
  enrolled: HostState,
): Promise<void> {
  await expectWhole(host, cluster, { revision, running: [] });
  expect(await stateOf(host)).toEqual(enrolled);
}

/** Nothing of the updater is left, but what it leaves whenever it is uninstalled. */
export async function expectUninstalled(host: UpdaterHost, uninstalled: HostState): Promise<void> {
  expect(await leftoversOf(host)).toEqual([]);
  expect(await stateOf(host)).toEqual(uninstalled);
}
