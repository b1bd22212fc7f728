import type { World } from "../platform/world.ts";
import { readPid, type WatchedService, watchHealth } from "./health.ts";
import { systemd } from "./systemd.ts";

/**
 * Brings a running service onto its new program and watches it live: reload, or restart when it cannot reload or must
 * not (`restart`). A stopped service stays stopped, which is success (installer-systemd §4.5). Fails with `E_SYSTEMD`,
 * `E_UNHEALTHY` or `E_CANCELED`.
 */
export async function reloadService(world: World, service: WatchedService, restart: boolean): Promise<void> {
  const { unit, pidFile } = service;
  const asked = systemd(world);
  if (!(await asked.isActive(unit))) {
    world.log.warn("The service is not running, so it is not reloaded.", { unit });
    return;
  }
  const baseline = readPid(world, pidFile);
  if (baseline === 0) world.log.info("No PID file, so crashes are not watched for.", { unit, path: pidFile });
  if (!restart && (await asked.reload(unit))) {
    world.log.info("Gracefully reloaded.", { unit });
  } else {
    await asked.tryRestart(unit);
    world.log.warn("The service was restarted, connections may have been dropped.", { unit });
  }
  world.log.info("Watching the service come up.", { unit });
  await watchHealth(world, service, baseline, world.health);
  world.log.info("The service is healthy.", { unit });
}
