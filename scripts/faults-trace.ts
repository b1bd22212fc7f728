import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { brokenPromises, differenceOf, type FaultBench, openFaultBench, shapeOf } from "../test/faults/bench-host.ts";
import { CrashDisk, describeOperation, type Image } from "../test/faults/crash-disk.ts";
import { type Event, type Operation, readTrace, tracingScript } from "../test/faults/operations.ts";
import { countChanges, findHasty, findOutsiders, isStaging } from "../test/faults/outsiders.ts";
import { SCENARIOS, type Scenario } from "../test/faults/scenarios.ts";

/**
 * `npm run faults:trace`: watches every call by which a run changes the file system. Nothing may go around the
 * transaction; and when the power goes after any of the calls, with what was not synced lost in the worst order, every
 * link must lead into a complete version, and the next run must end where an undisturbed one does. `--sample` lets the
 * power go after every fifth call, in three scenarios; `--only TEXT` takes the scenarios with that text in their name.
 */
const { values: options } = parseArgs({
  options: { sample: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

/** In a sample; else the power goes in every scenario. */
const POWER_LOST = ["enable, fresh host", "update", "update that frees the backup"];
const SAMPLE_STEP = 5;

let passed = 0;
const failures: string[] = [];

await main();

async function main(): Promise<void> {
  await using bench = await openFaultBench();
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.only))) await watch(bench, scenario);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function watch(bench: FaultBench, scenario: Scenario): Promise<void> {
  const start = await bench.prepare(scenario);
  const end = await bench.copy(start);
  const events = await trace(bench, scenario, end);
  const changes = countChanges(events);
  const outsiders = findOutsiders(events);
  report(changes === 0 ? "no change was logged" : outsiders[0], `${scenario.name}, around the transaction`);
  report(findHasty(events)[0], `${scenario.name}, before its journal was on the disk`);
  console.log(`${scenario.name}: ${events.length} calls, ${changes} changes, ${outsiders.length} outside of them`);
  if (!options.sample || POWER_LOST.includes(scenario.name)) await losePower(bench, scenario, { start, end }, events);
}

/** Runs the command over `root`; paths in the answer are those of the host. */
async function trace(bench: FaultBench, scenario: Scenario, root: string): Promise<Event[]> {
  const file = join(bench.scratch, "trace");
  const program = join(bench.scratch, "traced");
  writeFileSync(program, tracingScript(join(bench.scratch, "teleport-update"), file), { mode: 0o755 });
  const { wants, args } = scenario.command;
  const run = await bench.run(root, { wants, args: [...args, "--debug"], program });
  if (run.exitCode !== 0) throw new Error(`${scenario.name} fails by itself:\n${run.stderr}`);
  return readTrace(readFileSync(file, "utf8")).map((event) => ofHost(event, root));
}

function ofHost(event: Event, root: string): Event {
  if (event.kind === "said") return event;
  const strip = (path: string) => (`${path}/`.startsWith(`${root}/`) ? path.slice(root.length) || "/" : path);
  const path = strip(event.path);
  return event.kind === "rename" ? { ...event, path, from: strip(event.from) } : { ...event, path };
}

async function losePower(
  bench: FaultBench,
  scenario: Scenario,
  trees: { start: string; end: string },
  events: readonly Event[],
): Promise<void> {
  const started = performance.now();
  const operations = events.filter((event): event is Operation => event.kind !== "said");
  const disk = new CrashDisk(trees.start, operations, trees.end);
  const endShape = shapeOf(trees.end);
  const images = new Map<string, { image: Image; where: string }>();
  let instants = 0;
  for (let count = 0; count <= operations.length; count += 1) {
    const last = operations[count - 1];
    // What is being staged is nobody's yet; whether it is on the disk shows once it is moved into its place.
    if (last !== undefined && isStaging(last.path)) continue;
    instants += 1;
    if (options.sample && instants % SAMPLE_STEP !== 0) continue;
    for (const image of disk.imagesAfter(count)) {
      const where = `${scenario.name}, power lost after call ${count} (${describeOperation(last)}), ${image.name}`;
      if (!images.has(image.key)) images.set(image.key, { image, where });
    }
  }
  const left = images.values();
  const work = async (_: unknown, worker: number) => {
    const root = join(bench.scratch, `after-crash-${worker}`);
    for (const { image, where } of left) report(await problemOf(bench, scenario, { image, root }, endShape), where);
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${scenario.name}: power lost at ${instants} instants, ${images.size} different disks tried, ${seconds} s`,
  );
}

async function problemOf(
  bench: FaultBench,
  scenario: Scenario,
  { image, root }: { image: Image; root: string },
  endShape: readonly string[],
): Promise<string | undefined> {
  image.layOut(root);
  try {
    const [broken] = brokenPromises(root);
    if (broken !== undefined) return broken;
    const again = await bench.run(root, scenario.command);
    if (again.exitCode !== 0) return `the next run fails: ${again.stderr.trim().split("\n").at(-1)?.slice(0, 300)}`;
    const difference = differenceOf(endShape, shapeOf(root));
    return difference === undefined ? undefined : `the next run ends elsewhere: ${difference}`;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function report(problem: string | undefined, where: string): void {
  if (problem === undefined) passed += 1;
  else failures.push(`${where}: ${problem}`);
}
