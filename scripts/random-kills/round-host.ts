import { brokenPromises, differenceOf, type FaultBench, lastingLinks, shapeOf } from "../../test/faults/bench-host.ts";
import { type Command, NEW, NEWEST, OLD, SCENARIOS } from "../../test/faults/scenarios.ts";
import { damagedVersions } from "../../test/faults/whole-versions.ts";

/** A host that goes round three releases: each move downloads its release, and removes the one before the last to make room. */
export interface RoundHost {
  root: string;
  /** Links that are there before and after every move. */
  lasting: readonly string[];
  /** How it looks after an undisturbed move to each version. */
  shapes: ReadonlyMap<string, string[]>;
}

export const ROUND: readonly Command[] = [NEW, NEWEST, OLD].map((wants) => ({ wants, args: ["update", "--now"] }));

/** A host that went round once, so that every move from now on is like that of the round before. */
export async function freshHost(bench: FaultBench): Promise<RoundHost> {
  const enrolled = SCENARIOS.find(({ name }) => name === "update");
  if (enrolled === undefined) throw new Error("there is no scenario `update`");
  const root = await bench.prepare(enrolled);
  const shapes = new Map<string, string[]>();
  for (const move of ROUND) {
    await bench.run(root, move);
    shapes.set(move.wants, shapeOf(root));
  }
  return { root, lasting: lastingLinks(root, root), shapes };
}

/** What is wrong with a host right after a move was killed, or once the same command ran again. */
export async function problemAfterKill(bench: FaultBench, host: RoundHost, move: Command): Promise<string | undefined> {
  const { root, lasting, shapes } = host;
  const [broken] = brokenPromises(root, lasting);
  if (broken !== undefined) return broken;
  const { exitCode, stderr } = await bench.run(root, move);
  if (exitCode !== 0) return `the next run fails: ${stderr.trim().split("\n").at(-1)}`;
  return differenceOf(shapes.get(move.wants) ?? [], shapeOf(root)) ?? (await damagedVersions(root))[0];
}
