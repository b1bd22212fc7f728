import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testingExecutablePath } from "../support/executable.ts";
import { brokenPromises, differenceOf, type FaultBench, openFaultBench, shapeOf } from "./bench-host.ts";
import { type Command, NEW, NEWEST, OLD } from "./scenarios.ts";
import { KILLED } from "./strikes.ts";
import { damagedVersions } from "./whole-versions.ts";

const TIME_LIMIT_MS = 120_000;
/** Not a version that was ever released; the bench's own program has the present one. */
const EARLIER = "0.0.9";
const JOURNAL = "opt/teleport/default/update.journal";
/** The last of each kind before the commit is struck. */
const POINTS = ["move:after", "link:after", "file:after"];

let bench: FaultBench;
let earlier: string;
beforeAll(async () => {
  bench = await openFaultBench();
  earlier = await testingExecutablePath(EARLIER);
}, 120_000);
afterAll(() => bench?.[Symbol.asyncDispose]());

/** `N-1`, and `N`, which the bench runs unless told otherwise. */
const updateWith = (wants: string, program?: string): Command => ({
  wants,
  args: ["update", "--now"],
  ...(program === undefined ? {} : { program }),
});

test.each(POINTS)(
  "N-1 is killed at %s, N recovers and goes on; N is killed there, N-1 recovers and goes on",
  async (point) => {
    const root = await bench.prepare({
      name: "enrolled by N-1",
      start: [{ wants: OLD, args: ["enable"], program: earlier }],
      command: updateWith(NEW),
    });
    await killThenFollow(root, point, updateWith(NEW, earlier), updateWith(NEW));
    await killThenFollow(root, point, updateWith(NEWEST), updateWith(NEWEST, earlier));
  },
  TIME_LIMIT_MS,
);

test("the journal of a later format is left to the release that knows it", async () => {
  const root = await bench.prepare({
    name: "enrolled",
    start: [{ wants: OLD, args: ["enable"] }],
    command: updateWith(NEW),
  });
  const text = JSON.stringify({ journal: 3, updater: "9.9.9-abcdef", started: "2030-01-01T00:00:00.000Z" });
  const digest = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
  const journal = `${digest} ${text}\n`;
  writeFileSync(join(root, JOURNAL), journal, { mode: 0o600 });
  const before = shapeOf(root);

  const { exitCode, stderr } = await bench.run(root, updateWith(NEW));
  expect(exitCode).toBe(1);
  expect(stderr).toContain("code:E_JOURNAL");
  expect(stderr).toContain("was written by a newer release of this updater");
  expect(differenceOf(before, shapeOf(root))).toBeUndefined();
  expect(readFileSync(join(root, JOURNAL), "utf8")).toBe(journal);
});

/** One program is killed in the middle of an update; the other must come to where it comes on an undisturbed host. */
async function killThenFollow(root: string, point: string, killed: Command, next: Command): Promise<void> {
  const log = join(bench.scratch, "points");
  rmSync(log, { force: true });
  await succeed(await bench.copy(root), killed, log);
  const points = readFileSync(log, "utf8")
    .split("\n")
    .map((line) => line.split(":", 2).join(":"));
  const index = points.lastIndexOf(point, points.indexOf("commit:before"));
  if (index === -1) throw new Error(`an update passes no point \`${point}\``);
  const undisturbed = await bench.copy(root);
  await succeed(undisturbed, next);

  expect((await bench.run(root, killed, [{ index, strike: "kill" }])).exitCode).toBe(KILLED);
  expect(existsSync(join(root, JOURNAL))).toBeTrue();
  expect(brokenPromises(root)).toEqual([]);
  await succeed(root, next);
  expect(differenceOf(shapeOf(undisturbed), shapeOf(root))).toBeUndefined();
  expect(await damagedVersions(root)).toEqual([]);
}

async function succeed(root: string, command: Command, log?: string): Promise<void> {
  const { exitCode, stderr } = await bench.run(root, command, undefined, log);
  if (exitCode !== 0) throw new Error(`\`${command.args.join(" ")}\` failed:\n${stderr}`);
}
