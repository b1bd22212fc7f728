import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fillInstallScript } from "../install/fill.ts";
import { bundledPackages } from "./bundled-packages.ts";
import { digestOf, verifyDigests, writeDigests } from "./digests.ts";
import { neededGlibc } from "./executables.ts";
import { makePackages, verifyPackages } from "./packages.ts";
import type { ReleasePlan } from "./release-plan.ts";
import { reproduceExecutables } from "./reproduce.ts";
import { cycloneDx } from "./sbom.ts";
import { writeSignatures } from "./signatures.ts";
import { isOfThisMachine, requireQuickStart } from "./start-up.ts";
import { tarballsOf, writeTarballs } from "./tarballs.ts";
import { executableOf, variantName } from "./variants.ts";
import { verifyInstallScript } from "./verify-install-script.ts";
import { verifyTarballs } from "./verify-tarballs.ts";

/** What a release consists of, in order; each fails by throwing, and the next does not start then. */
export const RELEASE_STEPS: Record<string, (plan: ReleasePlan) => Promise<void>> = {
  executables: makeExecutables,
  reproduce: reproduceExecutables,
  tarballs: makeTarballs,
  packages: makePackages,
  "install-script": makeInstallScript,
  digests: writeDigests,
  verify: verifyArtefacts,
  // Last: a signature says that the file passed.
  signatures: writeSignatures,
};

async function makeExecutables({ variants, trustedKeys }: ReleasePlan): Promise<void> {
  await script("scripts/build.ts", ...trustedKeys.map((path) => `--trusted-key=${path}`));
  for (const variant of variants) {
    const path = executableOf(variant);
    const start = isOfThisMachine(variant) ? `, starts in ${requireQuickStart(path).toFixed(1)} ms` : "";
    console.log(`      ${path} needs glibc ${neededGlibc(variant)}${start}`);
  }
}

/** With each, the list of what is in its executable. */
async function makeTarballs(plan: ReleasePlan): Promise<void> {
  const makings = plan.variants.map(async (variant) => {
    const packages = await bundledPackages(variant);
    await writeTarballs(plan, variant, packages);
    const sbom = cycloneDx({ ...plan, variant, packages, sha256: await digestOf(executableOf(variant)) });
    const name = `teleport-update-v${plan.version}-linux-${variantName(variant)}.cdx.json`;
    await Bun.write(join(plan.folder, name), sbom);
  });
  await Promise.all(makings);
}

/** It carries the digests of the tarballs that it fetches. */
async function makeInstallScript({ version, place, variants, folder }: ReleasePlan): Promise<void> {
  const names = variants.flatMap((variant) => tarballsOf(variant, version)[0]?.gzip ?? []);
  const tarballs = names.map(async (name) => ({ name, sha256: await digestOf(join(folder, name)) }));
  const template = readFileSync("scripts/install/install.sh", "utf8");
  const filled = fillInstallScript(template, { version, place, tarballs: await Promise.all(tarballs) });
  await Bun.write(join(folder, "install.sh"), filled, { mode: 0o755 });
}

async function verifyArtefacts(plan: ReleasePlan): Promise<void> {
  await verifyDigests(plan);
  await verifyTarballs(plan);
  await verifyPackages(plan);
  await verifyInstallScript(plan);
}

async function script(...argv: string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, ...argv], { stdio: ["ignore", "inherit", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`\`${argv.join(" ")}\` exited ${child.exitCode}`);
}
