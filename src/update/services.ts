import { join } from "node:path";
import { botDirectory } from "../host/service-units.ts";
import type { Change } from "../platform/change.ts";
import type { Namespace } from "../settings/namespace.ts";

export type ReloadChange = Extract<Change, { kind: "reload" }>;

/**
 * The services of a namespace as a list of data, in the order in which they are reloaded: the agent gracefully, then the
 * bot by a restart, as it cannot change its program on SIGHUP (updater-core §4.1).
 */
export function serviceReloads(namespace: Namespace, dataDirectory: string, manageTbot: boolean): ReloadChange[] {
  const { teleport, tbot } = namespace;
  const agent: ReloadChange = {
    kind: "reload",
    unit: teleport.unit,
    pidFile: teleport.pidFile,
    socket: join(dataDirectory, "debug.sock"),
    restart: false,
  };
  const bot: ReloadChange = {
    kind: "reload",
    unit: tbot.unit,
    pidFile: tbot.pidFile,
    socket: join(botDirectory(dataDirectory), "debug.sock"),
    restart: true,
  };
  return manageTbot ? [agent, bot] : [agent];
}
