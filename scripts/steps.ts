/** One check: a program that passes or fails as a whole, or a run of tests that counts its own. */
export interface Step {
  name: string;
  argv: readonly [string, ...string[]];
  /** `tests`: shown as it runs, counted from the summary of `bun test`. `program`: shown only when it fails. */
  kind: "program" | "tests";
}

export interface Tally {
  passed: number;
  failed: number;
}

/** Runs the steps in order, each with its seconds, names those that failed, and ends with `N passed, N failed`. */
export async function runSteps(steps: readonly Step[]): Promise<Tally> {
  const total: Tally = { passed: 0, failed: 0 };
  const failures: string[] = [];
  for (const step of steps) {
    const started = performance.now();
    const tally = step.kind === "tests" ? await runTests(step) : await runProgram(step);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${tally.failed === 0 ? "ok    " : "FAILED"} ${step.name} (${seconds} s)`);
    total.passed += tally.passed;
    total.failed += tally.failed;
    if (tally.failed > 0) failures.push(step.name);
  }
  if (failures.length > 0) console.log(`failed: ${failures.join(", ")}`);
  console.log(summary(total));
  return total;
}

/** The line that ends every run of checks; `.ci/run` adds them up. */
export function summary({ passed, failed }: Tally): string {
  return `${passed} passed, ${failed} failed`;
}

/** The counts in the summary of `bun test`. A run that failed without a failed test (a syntax error, a crash) counts as one failure. */
export function tallyOfTests(output: string, exitCode: number): Tally {
  // The last one, as a test may print what looks like a summary.
  const count = (word: string) => Number([...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  const failed = count("fail");
  return { passed: count("pass"), failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}

async function runProgram({ argv }: Step): Promise<Tally> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) === 0) return { passed: 1, failed: 0 };
  console.log(`${stdout}${stderr}`.trimEnd());
  return { passed: 0, failed: 1 };
}

async function runTests({ argv }: Step): Promise<Tally> {
  // `bun test` reports on stderr; its tests may print on stdout.
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "inherit", stderr: "pipe" });
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  return tallyOfTests(output, await child.exited);
}
