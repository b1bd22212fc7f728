import type { Clock } from "./clock.ts";
import type { Files } from "./files.ts";
import type { Http } from "./http.ts";
import type { Log } from "./log.ts";
import type { Processes } from "./processes.ts";

/** Everything outside the program, in one hand: files, programs, time, network, and where to talk to. */
export interface World {
  files: Files;
  processes: Processes;
  clock: Clock;
  http: Http;
  log: Log;
  /** Fires on SIGINT and SIGTERM. */
  signal: AbortSignal;
}
