import { join } from "node:path";
import { readRunState } from "../host/reload.ts";
import { botDirectory } from "../host/service-units.ts";
import { betweenReloads } from "../host/setup-plan.ts";
import { systemd } from "../host/systemd.ts";
import type { Change, ReloadChange } from "../platform/change.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";

/**
 * The services of a namespace as a list of data, in the order in which they are reloaded: the agent gracefully, then the
 * bot by a restart, as it cannot change its program on SIGHUP (updater-core §4.1).
 */
export async function serviceReloads(
  world: World,
  namespace: Namespace,
  dataDirectory: string,
  manageTbot: boolean,
): Promise<ReloadChange[]> {
  const { teleport, tbot } = namespace;
  const agent = {
    unit: teleport.unit,
    pidFile: teleport.pidFile,
    socket: join(dataDirectory, "debug.sock"),
    restart: false,
  };
  const bot = {
    unit: tbot.unit,
    pidFile: tbot.pidFile,
    socket: join(botDirectory(dataDirectory), "debug.sock"),
    restart: true,
  };
  const services = manageTbot ? [agent, bot] : [agent];
  return await Promise.all(
    services.map(async (service): Promise<ReloadChange> => {
      return { kind: "reload", ...service, before: await readRunState(world, service) };
    }),
  );
}

/** `changes` of units, and systemd made to read them in where there is one. */
export function withDaemonReload(world: World, changes: readonly Change[]): Change[] {
  return systemd(world).isRunning() ? betweenReloads(changes) : [...changes];
}
