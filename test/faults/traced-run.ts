import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault, FaultBench } from "./bench-host.ts";
import { type Event, readTrace, tracingScript } from "./operations.ts";
import type { Command } from "./scenarios.ts";
import { type LoggedRun, pointsLog, runLogged } from "./strikes.ts";

/** How a run is disturbed while it is watched: at a fault point, at a sync, or first the one and then the other. */
export interface Disturbance {
  fault?: Fault;
  killAtSync?: number;
}

/** Runs the command over `root` and answers, besides the outcome, what it did and said; paths are those of the host. */
export async function traceRun(
  bench: FaultBench,
  root: string,
  { wants, args }: Command,
  { fault, killAtSync }: Disturbance = {},
): Promise<LoggedRun & { events: Event[] }> {
  const [file, program] = [join(bench.scratch, "trace"), join(bench.scratch, "traced")];
  writeFileSync(program, tracingScript(join(bench.scratch, "teleport-update"), file, killAtSync), { mode: 0o755 });
  const run = await runLogged(bench, root, { wants, args: [...args, "--debug"], program }, fault && [fault]);
  const events = readTrace(readFileSync(file, "utf8")).filter((event) => !isOfTest(event, bench));
  return { ...run, events: events.map((event) => ofHost(event, root)) };
}

/** Only a testing build says which points it passes. */
function isOfTest(event: Event, bench: FaultBench): boolean {
  return event.kind !== "said" && event.path === pointsLog(bench);
}

function ofHost(event: Event, root: string): Event {
  if (event.kind === "said") return event;
  const strip = (path: string) => (`${path}/`.startsWith(`${root}/`) ? path.slice(root.length) || "/" : path);
  const path = strip(event.path);
  return event.kind === "rename" ? { ...event, path, from: strip(event.from) } : { ...event, path };
}
