import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { ABOUT } from "./package/about.ts";
import { contents, type Format } from "./package/contents.ts";
import { makeDeb } from "./package/deb.ts";
import { ARCHITECTURES, type Architecture, type PackagePlan } from "./package/plan.ts";
import { makeRpm } from "./package/rpm.ts";
import { stage } from "./package/stage.ts";
import { bundledPackages } from "./release/bundled-packages.ts";
import { commitTime } from "./release/commit.ts";
import { COMPANIONS, companions } from "./release/companions.ts";
import { thirdPartyNotices } from "./release/notices.ts";
import { runtimeOf } from "./release/variants.ts";

/**
 * `bun run package`: makes a deb and an rpm of an executable that `scripts/build.ts` made before. The same commit and
 * executable give the same bytes.
 */
const FORMATS = { deb: makeDeb, rpm: makeRpm } as const satisfies Record<Format, unknown>;

const { values: options } = parseArgs({
  options: {
    arch: { type: "string", default: process.arch === "arm64" ? "arm64" : "amd64" },
    fips: { type: "boolean", default: false },
    // Both when none is named.
    format: { type: "string" },
    version: { type: "string", default: packageJson.version },
    to: { type: "string", default: "dist/packages" },
    // The folder that `scripts/release/companions.ts` wrote; made here when none is named.
    extras: { type: "string" },
    // In place of the one in `dist/`.
    executable: { type: "string" },
    // The files of each package stay in `tree-<format>-<arch>/`: `package/nfpm.yaml` takes them from there.
    "keep-trees": { type: "boolean", default: false },
    // For tests: quickly, and larger.
    quick: { type: "boolean", default: false },
  },
});

const architecture = chosen(options.arch, Object.keys(ARCHITECTURES) as Architecture[], "--arch");
const formats = Object.keys(FORMATS) as Format[];
const variant = `${architecture}${options.fips ? "-fips" : ""}`;
const executable = resolve(options.executable ?? join(import.meta.dir, `../dist/teleport-update-linux-${variant}`));
if (!existsSync(executable)) fail(`\`${executable}\` is missing: run \`npm run build\``);
if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/.test(options.version)) fail(`\`${options.version}\` is no version to package`);

const folder = resolve(options.to);
mkdirSync(folder, { recursive: true });
const extrasFolder = options.extras === undefined ? undefined : resolve(options.extras);
process.chdir(join(import.meta.dir, ".."));
const date = await commitTime();
for (const format of options.format === undefined ? formats : [chosen(options.format, formats, "--format")]) {
  const plan: PackagePlan = {
    packageName: options.fips ? "teleport-update-fips" : "teleport-update",
    version: options.version.replace("-", "~"),
    architecture,
    isFips: options.fips,
    date,
    tree: join(folder, `tree-${format}-${variant}`),
    folder,
    isQuick: options.quick,
  };
  const entries = contents(format, {
    packageName: plan.packageName,
    executable,
    companions: extras(),
    notices: await notices(),
    debianChangelog: debianChangelog(plan),
  });
  stage(plan.tree, entries, date);
  console.log(await FORMATS[format](plan, entries));
  if (!options["keep-trees"]) rmSync(plan.tree, { recursive: true });
}

function extras(): Record<string, string> {
  if (extrasFolder === undefined) return companions(date);
  const read = (path: string) => readFileSync(join(extrasFolder, path), "utf8");
  return Object.fromEntries(Object.values(COMPANIONS).map((path) => [path, read(path)]));
}

async function notices(): Promise<string> {
  const runtimeNotice = readFileSync(join(import.meta.dir, "release/bun-notice.txt"), "utf8");
  const { version } = runtimeOf({ architecture, isFips: options.fips });
  return thirdPartyNotices(
    await bundledPackages({ isFips: options.fips }),
    runtimeNotice.replaceAll("@VERSION@", version),
  );
}

function debianChangelog({ packageName, version }: PackagePlan): string {
  const at = date.toUTCString().replace("GMT", "+0000");
  return `${packageName} (${version}) stable; urgency=medium\n\n  * Version ${version}.\n\n -- ${ABOUT.maintainer}  ${at}\n`;
}

function chosen<Name extends string>(name: string, names: readonly Name[], flag: string): Name {
  return names.find((known) => known === name) ?? fail(`\`${flag} ${name}\`: choose ${names.join(" or ")}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
