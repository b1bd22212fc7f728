import { systemClock } from "../../src/platform/clock.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { hostProcesses } from "../../src/platform/host-processes.ts";
import type { Http } from "../../src/platform/http.ts";
import type { Log, LogAttributes } from "../../src/platform/log.ts";
import { hostSockets } from "../../src/platform/socket-http.ts";
import type { World } from "../../src/platform/world.ts";

/** A log that keeps its lines, so that a test can read what the operator would. */
export interface KeptLog extends Log {
  lines: string[];
}

export function keptLog(): KeptLog {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, attributes: LogAttributes = {}) => {
      const words = Object.entries(attributes).filter(([, value]) => value !== undefined);
      lines.push([level, message, ...words.map(([key, value]) => `${key}:${value}`)].join(" "));
    };
  return { lines, debug: at("DEBUG"), info: at("INFO"), warn: at("WARN"), error: at("ERROR") };
}

/** The real world below `root`; the network only when one is given. */
export function testWorld(root: string, parts: Partial<World> = {}): World & { log: KeptLog } {
  const noNetwork: Http = { get: (url) => Promise.reject(new Error(`this test has no network: ${url}`)) };
  return {
    files: hostFiles(root),
    localFiles: hostFiles(),
    processes: hostProcesses,
    clock: systemClock,
    http: noNetwork,
    health: { intervalMs: 20, deadlineMs: 1000 },
    terminal: undefined,
    sockets: hostSockets(hostFiles(root)),
    program: undefined,
    sudoUser: undefined,
    signal: new AbortController().signal,
    ...parts,
    log: keptLog(),
  };
}
