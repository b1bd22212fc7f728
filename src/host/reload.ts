import type { RunState } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
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

/** How a service runs now, for `bringBack`. */
export async function readRunState(world: World, { unit, pidFile }: WatchedService): Promise<RunState> {
  const active = await systemd(world).isActive(unit);
  return { active, pid: active ? readPid(world, pidFile) : 0 };
}

/**
 * Brings a service back onto its old program, which is linked again by now: as `reloadService`, but one that the new
 * program brought down is started, and one that never left its old process need not come back. Fails as `reloadService`.
 */
export async function bringBack(
  world: World,
  service: WatchedService,
  restart: boolean,
  before: RunState,
): Promise<void> {
  const { unit } = service;
  const wentDown = async () =>
    before.active && ["failed", "activating"].includes(await systemd(world).activeState(unit));
  if (!(await wentDown())) {
    try {
      await reloadService(world, service, restart);
      // One that crashes again and again may have been up when it was asked about, and not to reload.
      if (!(await wentDown())) return;
    } catch (failure) {
      if (!isUpdateError(failure, "E_SYSTEMD", "E_UNHEALTHY")) throw failure;
      if (isStillThere(world, service, before)) {
        world.log.warn("The service never left its old process.", { unit, pid: before.pid });
        return;
      }
      if (!(await wentDown())) throw failure;
    }
  }
  world.log.warn("The service is down, starting it with its old program.", { unit });
  await systemd(world).startAfresh(unit);
  await watchHealth(world, service, 0, world.health);
  world.log.info("The service is healthy.", { unit });
}

function isStillThere(world: World, { pidFile }: WatchedService, { pid }: RunState): boolean {
  return pid !== 0 && readPid(world, pidFile) === pid && world.processes.probe(pid) === "alive";
}
