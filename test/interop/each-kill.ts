import { expect } from "bun:test";
import type { EnrollRequest } from "../../src/update/enroll.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { failingDisk } from "../support/failing-disk.ts";
import { must } from "../support/must.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import type { InteropSite } from "./taken-host.ts";

/** One command on a host, or something that befalls it. */
export type Run = (host: UpdateHost) => Promise<void>;

/** The site is there only once the tests run. */
export function enrolling(site: () => InteropSite, version: string, request: Partial<EnrollRequest> = {}): Run {
  return async (host) => {
    site().server.find = advertise(version);
    await host.enroll(request);
  };
}

export function updating(site: () => InteropSite, version: string): Run {
  return async (host) => {
    site().server.find = advertise(version);
    await host.update();
  };
}

export interface KilledRun {
  /** What the host has behind it. */
  start: readonly Run[];
  killed: Run;
}

/**
 * Kills the run at its first call that changes the disk, at its second and so on, and answers what `goOn` finds wrong. A disk
 * that takes no more calls stands for the kill.
 */
export async function afterEachKill(
  site: InteropSite,
  { start, killed }: KilledRun,
  goOn: (host: UpdateHost, before: UpdateHost) => Promise<string[]>,
): Promise<string[]> {
  using before = offlineHost(site);
  for (const step of start) await step(before);
  const problems: string[] = [];
  let unfinished = 0;
  for (let call = 0, isOver = false; !isOver; call += 1) {
    using host = await copyOf(site, before);
    isOver = await runUntil(host, call, killed);
    if (host.files.stat(journalPath(NAMESPACE)) !== undefined) unfinished += 1;
    problems.push(...(await goOn(host, before)).map((problem) => `killed at call ${call}: ${problem}`));
    expect(host.files.stat(journalPath(NAMESPACE))).toBeUndefined();
  }
  expect(unfinished).toBeGreaterThan(5);
  return problems;
}

async function copyOf(site: InteropSite, { root }: UpdateHost): Promise<UpdateHost> {
  const host = offlineHost(site);
  // Files are shared: no updater writes into an existing one.
  await must(["cp", "-alT", root, host.root]);
  return host;
}

/** True when the run came to its end before that call. What is staged is nobody's yet, and not counted. */
async function runUntil(host: UpdateHost, call: number, run: Run): Promise<boolean> {
  const disk = failingDisk(host.files);
  disk.fail({ call, faults: ["not made"], isLasting: true }, (path) => !path.includes("/.staging-"));
  host.world.files = disk.files;
  const failure: unknown = await run(host).catch((error: unknown) => error);
  host.world.files = host.files;
  return failure === undefined;
}
