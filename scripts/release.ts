import { mkdirSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { readSiteKey } from "../src/mirror/site-key.ts";
import { hostFiles } from "../src/platform/host-files.ts";
import { canBoot } from "../test/support/booted-host.ts";
import { requirePlace } from "./install/fill.ts";
import { commitName, commitTime, requireCleanTree } from "./release/commit.ts";
import type { ReleasePlan } from "./release/release-plan.ts";
import { RELEASE_STEPS } from "./release/release-steps.ts";
import { VARIANTS, variantName } from "./release/variants.ts";
import { summary } from "./steps.ts";

/**
 * `npm run release -- --sign KEY`: makes everything that is published, from a clean tree, installs each artefact in a container, and
 * signs every file; only then it appears in `dist/release/`. `--place URL` tells the install script where the tarballs will be,
 * `--trusted-key FILE` is a key that every executable knows.
 * For trials there are `--allow-dirty`, `--only VARIANT` and `--skip STEP`: what they make goes to `dist/release-trial/`, and needs no key.
 */
const { values: options } = parseArgs({
  options: {
    sign: { type: "string" },
    place: { type: "string", default: "" },
    "trusted-key": { type: "string", multiple: true, default: [] },
    "allow-dirty": { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    skip: { type: "string", multiple: true, default: [] },
  },
});

process.chdir(`${import.meta.dir}/..`);
const isTrial = options["allow-dirty"] || options.only.length > 0 || options.skip.length > 0;
const FOLDER = resolve(isTrial ? "dist/release-trial" : "dist/release");
/** Where it grows: a release that failed half-way must not look like one. */
const UNFINISHED = `${FOLDER}.unfinished`;

try {
  await main();
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

async function main(): Promise<void> {
  if (!isTrial && options.sign === undefined) {
    throw new Error(
      "give `--sign KEY`, as whoever installs a release must be able to tell whose it is: make a key" +
        " with `teleport-update mirror keygen --to FILE`, and publish `FILE.pub`",
    );
  }
  if (!options["allow-dirty"]) await requireCleanTree();
  const plan = await planRelease();
  const steps = Object.entries(RELEASE_STEPS).filter(([name]) => !options.skip.includes(name));
  const unknown = options.skip.filter((name) => !(name in RELEASE_STEPS));
  if (unknown.length > 0) throw new Error(`unknown steps: ${unknown.join(", ")}`);
  const obstacle = canBoot();
  if (obstacle !== undefined && steps.some(([name]) => name === "verify")) {
    throw new Error(`the artefacts cannot be installed in containers, as ${obstacle}`);
  }
  rmSync(UNFINISHED, { recursive: true, force: true });
  mkdirSync(UNFINISHED, { recursive: true });
  let passed = 0;
  try {
    for (const [name, step] of steps) {
      const started = performance.now();
      await step(plan);
      passed += 1;
      console.log(`ok    ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    }
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(UNFINISHED, FOLDER);
    console.log(FOLDER);
  } finally {
    console.log(summary({ passed, failed: steps.length === passed ? 0 : 1 }));
  }
}

async function planRelease(): Promise<ReleasePlan> {
  const unknown = options.only.filter((name) => !VARIANTS.some((variant) => variantName(variant) === name));
  if (unknown.length > 0) throw new Error(`unknown variants: ${unknown.join(", ")}`);
  // Told now, and not once all that comes before the script is made.
  requirePlace(options.place);
  const isChosen = (name: string) => options.only.length === 0 || options.only.includes(name);
  return {
    version: packageJson.version,
    commit: await commitName(),
    date: await commitTime(),
    variants: VARIANTS.filter((variant) => isChosen(variantName(variant))),
    folder: UNFINISHED,
    trustedKeys: options["trusted-key"].map((path) => resolve(path)),
    place: options.place,
    signer: options.sign === undefined ? undefined : await readSiteKey(hostFiles("/"), resolve(options.sign)),
  };
}
