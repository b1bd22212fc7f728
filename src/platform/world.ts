import type { Clock } from "./clock.ts";
import type { Files } from "./files.ts";
import type { Http } from "./http.ts";
import type { Log } from "./log.ts";
import type { Processes } from "./processes.ts";
import type { Sockets } from "./sockets.ts";

/** The part of `process.stderr` that a progress bar needs. */
export interface Terminal {
  columns?: number;
  write(text: string): unknown;
}

/** How often a service is looked at after a reload, and for how long at most. */
export interface HealthTiming {
  intervalMs: number;
  deadlineMs: number;
}

/** Everything outside the program, in one hand: files, programs, time, network, and where to talk to. */
export interface World {
  /** The host that is updated. */
  files: Files;
  /** The machine that runs the updater; another one than the host only under `--root`. */
  localFiles: Files;
  processes: Processes;
  clock: Clock;
  http: Http;
  sockets: Sockets;
  log: Log;
  health: HealthTiming;
  /** Where a progress bar may be drawn; undefined when nobody looks. */
  terminal: Terminal | undefined;
  /** Where the running executable lies on this machine; undefined when the sources are run directly. */
  program: string | undefined;
  /** Who called through sudo; undefined when nobody did. */
  sudoUser: number | undefined;
  /** Fires on SIGINT and SIGTERM. */
  signal: AbortSignal;
}
