import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Mutant } from "../test/threats/mutant.ts";
import { MUTANTS } from "../test/threats/mutants.ts";

/**
 * `npm run threats`: takes each rule of `docs/threat-model.md` out of a copy of the sources, one check at a time, and
 * expects the tests with its mark to fail; with nothing taken out they must pass. `--only TEXT` takes the rules with that
 * text in their name, `--sample` the first check of each rule and every fourth of the rest.
 */
const { values: options } = parseArgs({
  options: { only: { type: "string", default: "" }, sample: { type: "boolean", default: false } },
});

/** In a sample, besides the first of every rule. */
const SAMPLE_STEP = 4;

const LEFT_OUT = new Set([".git", "node_modules", "dist"]);
/** Of one test, and of all: a busy machine is no failure of a rule that is there. */
const SOUND: Patience = { testMs: 60_000, allMs: 300_000 };
/** A rule whose absence makes a test wait for ever is missed as well. */
const MUTATED: Patience = { testMs: 5000, allMs: 120_000 };

interface Patience {
  testMs: number;
  allMs: number;
}

let passed = 0;
const failures: string[] = [];

await main();

async function main(): Promise<void> {
  const started = performance.now();
  const mutants = MUTANTS.filter(({ rule }) => rule.includes(options.only)).filter(isInSample);
  const left = mutants.values();
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, () => work(left)));
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

function isInSample(mutant: Mutant, index: number, mutants: readonly Mutant[]): boolean {
  const isFirst = mutants.findIndex(({ rule }) => rule === mutant.rule) === index;
  return !options.sample || isFirst || index % SAMPLE_STEP === 0;
}

async function work(left: Iterator<Mutant>): Promise<void> {
  const tree = copyOfTree();
  try {
    const sound = new Set<string>();
    for (let next = left.next(); !next.done; next = left.next()) {
      const mutant = next.value;
      const problem = (await unsoundness(tree, mutant, sound)) ?? (await survival(tree, mutant));
      const name = `${mutant.rule}, ${mutant.file}: ${firstLine(mutant.take)}`;
      if (problem === undefined) passed += 1;
      else failures.push(`${name}: ${problem}`);
      console.log(`${problem === undefined ? "missed " : "FAILED "} ${name}`);
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function copyOfTree(): string {
  const tree = mkdtempSync(join(tmpdir(), "teleport-update-threats-"));
  cpSync(".", tree, { recursive: true, filter: (path) => !LEFT_OUT.has(path) });
  symlinkSync(resolve("node_modules"), join(tree, "node_modules"));
  return tree;
}

/** With the rule in its place its tests must pass, or their failure without it says nothing; each set of tests is asked once. */
async function unsoundness(tree: string, mutant: Mutant, sound: Set<string>): Promise<string | undefined> {
  const key = [mutant.rule, ...mutant.tests].join(" ");
  if (sound.has(key)) return undefined;
  const { failed, ran, output } = await runTests(tree, mutant, SOUND);
  if (ran === 0) return `no test of ${mutant.tests.join(", ")} has the mark [threat ${mutant.rule}]`;
  if (failed > 0) return `its tests fail with the rule, too:\n${output}`;
  sound.add(key);
  return undefined;
}

async function survival(tree: string, mutant: Mutant): Promise<string | undefined> {
  const path = join(tree, mutant.file);
  const source = readFileSync(path, "utf8");
  if (source.split(mutant.take).length !== 2) return "its text is not found once in the file; the rule may have moved";
  writeFileSync(
    path,
    source.replace(mutant.take, () => mutant.leave),
  );
  try {
    const { failed, output } = await runTests(tree, mutant, MUTATED);
    return failed > 0 ? undefined : `nobody misses it:\n${output}`;
  } finally {
    writeFileSync(path, source);
  }
}

async function runTests(
  tree: string,
  { rule, tests }: Mutant,
  { testMs, allMs }: Patience,
): Promise<{ ran: number; failed: number; output: string }> {
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      `--timeout=${testMs}`,
      "-t",
      `\\[threat ${rule}\\]`,
      ...tests.map((test) => `./${test}`),
    ],
    {
      cwd: tree,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: allMs,
      killSignal: "SIGKILL",
    },
  );
  const output = await child.stderr.text();
  await child.exited;
  const count = (word: string) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  const hung = child.signalCode === null ? 0 : 1;
  return { ran: count("pass") + count("fail") + hung, failed: count("fail") + hung, output: output.slice(-2000) };
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
