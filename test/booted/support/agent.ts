import { join } from "node:path";
import type { BootedHost } from "../../support/booted-host.ts";

const PATIENCE_MS = 30_000;
const POLL_MS = 20;

/** What a running service says of itself, and the program that it runs. */
export interface Readiness {
  status: string;
  pid: number;
}

/** Asks `GET /readyz` on the debug socket of a service that was just started, until it is there to answer. */
export async function readiness(host: BootedHost, socket = "/var/lib/teleport/debug.sock"): Promise<Readiness> {
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    try {
      const response = await fetch("http://debug/readyz", { unix: join(host.directory, socket) });
      const answer: Readiness = JSON.parse(await response.text());
      return answer;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await Bun.sleep(POLL_MS);
    }
  }
}

/** The path of the program that a process of the host runs; empty when there is no such process. */
export async function programOf(host: BootedHost, pid: number): Promise<string> {
  return (await host.exec(["readlink", `/proc/${pid}/exe`])).stdout.trimEnd();
}
