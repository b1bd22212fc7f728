import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { enableFrom, startCluster } from "../test/booted/support/cluster.ts";
import { describeCircumstances } from "./record-reliability/machine.ts";
import { requireCleanTree } from "./release/commit.ts";
import { neededGlibc } from "./release/executables.ts";
import { measureKernels, measureProcessors, type Trial } from "./release/floors.ts";
import { sizePage } from "./release/size-page.ts";
import { fastestStart, isOfThisMachine } from "./release/start-up.ts";
import { executableOf, VARIANTS } from "./release/variants.ts";

/**
 * `npm run size`: measures what `npm run release` made, or is in `--from FOLDER`, and writes `docs/size.md`. Needs
 * qemu-user-static and strace. The figures are of a commit: a tree with other changes than of that page is refused without
 * `--allow-dirty`, which the page then tells.
 */
const { values: options } = parseArgs({
  options: { from: { type: "string", default: "dist/release" }, "allow-dirty": { type: "boolean", default: false } },
});
const PAGE = "docs/size.md";
/** What lies beside an artefact, a few bytes each. */
const BESIDE = /\.(sha256|sig)$|^SHA256SUMS/;

process.chdir(`${import.meta.dir}/..`);
if (!options["allow-dirty"]) await refuseDirtyTree();
const artefacts = readdirSync(options.from)
  .filter((name) => !BESIDE.test(name))
  .sort();
await Bun.write(
  PAGE,
  sizePage({
    circumstances: describeCircumstances(PAGE),
    executables: VARIANTS.map((variant) => ({
      name: executableOf(variant),
      bytes: statSync(executableOf(variant)).size,
      neededGlibc: neededGlibc(variant),
      startMs: isOfThisMachine(variant) ? fastestStart(executableOf(variant)) : undefined,
    })),
    artefacts: artefacts.map((name) => ({ name, bytes: statSync(join(options.from, name)).size })),
    processors: { amd64: await processors("amd64"), arm64: await processors("arm64") },
    kernels: await kernels(),
  }),
);
console.log(`${PAGE} written`);

async function refuseDirtyTree(): Promise<void> {
  try {
    await requireCleanTree(".", PAGE);
  } catch (error) {
    console.error(`size: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
}

function processors(architecture: "amd64" | "arm64"): Promise<Trial[]> {
  return measureProcessors(executableOf({ architecture, isFips: false }), architecture);
}

/** Works only where both commands do; `enable` brings in the network, the unpacking and the programs of the host. */
async function kernels(): Promise<Trial[]> {
  const executable = executableOf({
    architecture: isOfThisMachine({ architecture: "arm64" }) ? "arm64" : "amd64",
    isFips: false,
  });
  const folder = mkdtempSync(join(tmpdir(), "size-"));
  await using cluster = await startCluster([{ version: "18.1.0" }]);
  try {
    const authority = join(folder, "ca.pem");
    await Bun.write(authority, cluster.ca);
    const enabled = await measureKernels((kernel) => {
      const image = join(folder, kernel);
      mkdirSync(image);
      // The cluster is unsigned, and the executable may have keys built in.
      const words = [...enableFrom(cluster), "--insecure-skip-signature"];
      return [executable, "--root", image, ...words, "--ca-file", authority];
    });
    const started = await measureKernels(() => [executable, "version"]);
    return enabled.map(({ name, works }, index) => ({ name, works: works && started[index]?.works === true }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
