import { parseArgs } from "node:util";
import fc from "fast-check";
import type { FuzzTarget } from "../test/fuzz/target.ts";
import { TARGETS } from "../test/fuzz/targets.ts";
import { summary } from "./steps.ts";

/**
 * `npm run fuzz`: the properties of `test/fuzz/` for `--seconds` in all (60), each target its part. `--only TEXT` takes the
 * targets with that text in their name, `--seed N` starts where an earlier run did. What fails is printed, made as small as it
 * gets, as a row for `test/fuzz/found.test.ts`.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});

const seed = Number(options.seed);
const targets = TARGETS.filter(({ name }) => name.includes(options.only));
const share = (Number(options.seconds) * 1000) / targets.length;
if (targets.length === 0 || !Number.isSafeInteger(seed) || !(share > 0)) {
  console.log(
    `usage: npm run fuzz -- [--seconds N] [--only NAME] [--seed N]; names: ${TARGETS.map(({ name }) => name).join(", ")}`,
  );
  process.exit(1);
}

let failed = 0;
for (const target of targets) failed += (await hunt(target)) ? 0 : 1;
console.log(summary({ passed: targets.length - failed, failed }));
process.exit(failed === 0 ? 0 : 1);

async function hunt({ name, property }: FuzzTarget): Promise<boolean> {
  const started = performance.now();
  const result = await fc.check(property, {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: share,
    markInterruptAsFailure: false,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${result.failed ? "FAILED" : "ok    "} ${name}: ${result.numRuns} runs, ${seconds} s, seed ${seed}`);
  if (!result.failed) return true;
  console.log(
    `${result.errorInstance}\n  [${JSON.stringify(name)}, "say what it is", ${fc.stringify(result.counterexample)}],`,
  );
  return false;
}
