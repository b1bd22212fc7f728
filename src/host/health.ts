import { isUpdateError, UpdateError } from "../platform/errors.ts";
import { quote } from "../platform/quote.ts";
import type { HealthTiming, World } from "../platform/world.ts";
import { readReadiness } from "./readiness.ts";
import { observePid, PID_LIMITS, startPidWatch } from "./stable-pid.ts";

export interface WatchedService {
  unit: string;
  pidFile: string;
  /** Its debug socket. */
  socket: string;
}

type HealthWorld = Pick<World, "files" | "processes" | "sockets" | "clock" | "log" | "signal">;

const PID_FILE_LIMIT = 32;

/** No kernel numbers a process higher; what is more wraps around to others, or to all. */
const HIGHEST_PID = 1 << 22;

/** The PID in a service's file, or 0 when there is none to read; a service without root may own the file. */
export function readPid({ files, log }: Pick<World, "files" | "log">, pidFile: string): number {
  try {
    const text = files.readPlantable(pidFile, PID_FILE_LIMIT)?.trim() ?? "";
    const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
    return pid <= HIGHEST_PID ? pid : 0;
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    log.debug("The PID file cannot be read.", { error: error.message });
    return 0;
  }
}

/**
 * Watches a service that was just reloaded or restarted until it proves itself: the same new PID over six looks, then
 * ready on its debug socket, all before one deadline (installer-systemd §4.6). `baseline` is the PID before the reload, 0
 * when none was known, which leaves the PID stage out. Fails with `E_UNHEALTHY`, or with `E_CANCELED` on a signal.
 */
export async function watchHealth(
  world: HealthWorld,
  service: WatchedService,
  baseline: number,
  timing: HealthTiming,
): Promise<void> {
  const deadline = world.clock.elapsedMs() + timing.deadlineMs;
  const pid = baseline === 0 ? 0 : await stablePid(world, service, baseline, timing, deadline);
  await becomeReady(world, service, pid, timing, deadline);
}

async function stablePid(
  world: HealthWorld,
  { unit, pidFile }: WatchedService,
  baseline: number,
  { intervalMs }: HealthTiming,
  deadline: number,
): Promise<number> {
  let watch = startPidWatch(baseline);
  while (world.clock.elapsedMs() + intervalMs <= deadline) {
    await world.clock.sleep(intervalMs, world.signal);
    const verdict = observePid(watch, readPid(world, pidFile), PID_LIMITS, (pid) => world.processes.probe(pid));
    switch (verdict.kind) {
      case "stable":
        return verdict.pid;
      case "crash-looping":
        throw unhealthy(unit, `its process crashed ${verdict.crashes} times`);
      case "failed":
        throw unhealthy(unit, `its process cannot be watched: ${verdict.reason}`);
      case "watching":
        if (verdict.becameStale) world.log.warn("A process of the service is gone.", { unit, pid: verdict.watch.pid });
        watch = verdict.watch;
    }
  }
  const reason = watch.pid === baseline ? "it did not start a new process" : "its process did not stay";
  throw unhealthy(unit, `${reason} within the time allowed`);
}

/** A service that cannot be asked counts as ready at the deadline: its socket may be disabled (installer-systemd §4.6 B). */
async function becomeReady(
  world: HealthWorld,
  { unit, socket }: WatchedService,
  pid: number,
  { intervalMs }: HealthTiming,
  deadline: number,
): Promise<void> {
  let last: string | undefined;
  while (true) {
    const answer = await askReadiness(world, socket);
    if (typeof answer === "string") {
      last = undefined;
      world.log.debug("Readiness is not known.", { unit, reason: answer });
    } else if (answer.ready && (pid === 0 || answer.pid === 0 || answer.pid === pid)) {
      return;
    } else {
      last = answer.ready
        ? `process ${answer.pid} answers instead of process ${pid}`
        : `it says ${quote(answer.status)} instead of being ready`;
    }
    if (world.clock.elapsedMs() + intervalMs > deadline) {
      if (last !== undefined) throw unhealthy(unit, last);
      world.log.warn("The service cannot be asked whether it is ready, its debug socket seems disabled.", {
        unit,
        socket,
        reason: String(answer),
      });
      return;
    }
    await world.clock.sleep(intervalMs, world.signal);
  }
}

async function askReadiness(world: HealthWorld, socket: string) {
  try {
    return await readReadiness(world, socket);
  } catch (error) {
    if (world.signal.aborted) throw new UpdateError("E_CANCELED", "interrupted while watching a service");
    if (isUpdateError(error, "E_SOCKET")) return error.message;
    throw error;
  }
}

function unhealthy(unit: string, reason: string): UpdateError {
  return new UpdateError("E_UNHEALTHY", `\`${unit}\` did not come up: ${reason}`, {
    hint: `read \`systemctl status ${unit}\` and \`journalctl -u ${unit}\``,
  });
}
