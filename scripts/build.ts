import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { readPublicKeys } from "./release/public-keys.ts";
import runtimes from "./runtimes.json" with { type: "json" };

/**
 * `bun run build`: compiles `dist/teleport-update-linux-<arch>`, and `…-fips` of each, and starts each once. The same
 * commit gives the same bytes, as the working directory, the names and the runtimes are fixed.
 */
const TARGETS = {
  amd64: { bunTarget: "bun-linux-x64", runtime: "bun-linux-x64", machine: "x64" },
  arm64: { bunTarget: "bun-linux-arm64", runtime: "bun-linux-aarch64", machine: "arm64" },
} as const satisfies Record<string, { bunTarget: string; runtime: keyof typeof runtimes; machine: string }>;
type Target = keyof typeof TARGETS;

/** What the imports `#variant/…` of `package.json` become. */
const VARIANTS = {
  ordinary: { suffix: "", flags: [] },
  fips: { suffix: "-fips", flags: ["--conditions=fips"] },
} as const satisfies Record<string, { suffix: string; flags: readonly string[] }>;
type Variant = keyof typeof VARIANTS;

const QEMU = "/usr/bin/qemu-aarch64-static";
const ARM64_SYSROOT = "/usr/aarch64-linux-gnu";

const { values: options } = parseArgs({
  options: {
    target: { type: "string" },
    variant: { type: "string" },
    "no-arm64-start": { type: "boolean", default: false },
    // For tests only: services are watched ten times as fast. Never shipped, so it lies in a folder of its own.
    testing: { type: "boolean", default: false },
    // For tests only, too: an executable of ours as another release of it.
    "testing-version": { type: "string" },
    // PEM files of the public keys that releases may be signed with, for all who run the executable.
    "trusted-key": { type: "string", multiple: true, default: [] },
  },
});

const isTesting = options.testing || options["testing-version"] !== undefined;
const version = options["testing-version"] ?? packageJson.version;

process.chdir(`${import.meta.dir}/..`);
const commit = commitOfTree();
const trustedKeys = trustedKeysOf(options["trusted-key"]);
for (const target of chosen("target", Object.keys(TARGETS) as Target[])) {
  for (const variant of chosen("variant", Object.keys(VARIANTS) as Variant[])) {
    const executable = build(target, variant);
    const size = (statSync(executable).size / 1e6).toFixed(1);
    console.log(`${executable}: ${size} MB, ${start(target, executable)}`);
  }
}

/** The one that the option names, or all. */
function chosen<Name extends string>(option: "target" | "variant", all: readonly Name[]): readonly Name[] {
  const wanted = options[option];
  if (wanted === undefined) return all;
  const one = all.find((name) => name === wanted);
  return one ? [one] : fail(`unknown ${option} \`${wanted}\`: choose ${all.join(" or ")}`);
}

function build(target: Target, variant: Variant): string {
  const { bunTarget } = TARGETS[target];
  const folder = ["dist", ...(isTesting ? ["testing"] : []), options["testing-version"] ?? []].flat().join("/");
  const { suffix, flags } = VARIANTS[variant];
  const outfile = `${folder}/teleport-update-linux-${target}${suffix}`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [
      process.execPath,
      "build",
      "--compile",
      "--bytecode",
      "--splitting",
      // With bytecode the default is cjs, where one `import.meta` gives an executable that dies at its start.
      "--format=esm",
      "--minify-syntax",
      "--minify-whitespace",
      // Without these two, a `.env` or a `bunfig.toml` in the current directory would act as root.
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--reject-unresolved",
      ...flags,
      `--target=${bunTarget}`,
      `--compile-executable-path=${provenRuntime(target)}`,
      `--define=BUILD_VERSION=${JSON.stringify(version)}`,
      `--define=BUILD_COMMIT=${JSON.stringify(commit)}`,
      `--define=BUILD_ID=${JSON.stringify(idOfSources(variant))}`,
      `--define=BUILD_TRUSTED_KEYS=${JSON.stringify(trustedKeys)}`,
      `--define=TESTING_FAULTS=${isTesting}`,
      `--define=TESTING_HEALTH_INTERVAL_MS=${isTesting ? 200 : "undefined"}`,
      "src/bin/teleport-update.ts",
      `--outfile=${outfile}`,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const log = `${stdout}${stderr}`;
  // A failed bytecode step exits 0.
  if (exitCode !== 0 || /bytecode/i.test(log)) fail(`\`bun build\` failed for ${target}${suffix}:\n${log}`);
  return outfile;
}

/** The Bun that becomes the body of the executable, checked against the digest in `runtimes.json`. */
function provenRuntime(target: Target): string {
  const { runtime } = TARGETS[target];
  const path = `node_modules/@oven/${runtime}/bin/bun`;
  if (!existsSync(path)) fail(`\`${path}\` is missing: run \`bun install --cpu='*' --os=linux\``);
  const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
  if (digest !== runtimes[runtime]) fail(`\`${path}\` has sha256 ${digest}, expected ${runtimes[runtime]}`);
  return path;
}

/** `unknown` when the tree has no commit to name, as in an unpacked source archive. */
function commitOfTree(): string {
  const { exitCode, stdout } = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], { stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : "unknown";
}

/** Names what goes into an executable, also when the tree is not committed: a host keeps its copies of us by this name. */
function idOfSources(variant: Variant): string {
  const hash = createHash("sha256");
  const sources = [...new Bun.Glob("src/**/*.ts").scanSync(), "package.json", "bun.lock", "scripts/build.ts"].sort();
  for (const path of [...sources, "scripts/runtimes.json"])
    hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
  return hash.update(trustedKeys).update(VARIANTS[variant].suffix).digest("hex").slice(0, 12);
}

function trustedKeysOf(paths: readonly string[]): string {
  try {
    return readPublicKeys(paths);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** Starts the executable, as only that shows that the bytecode and the runtime belong together. */
function start(target: Target, executable: string): string {
  if (TARGETS[target].machine === process.arch) return `version in ${fastestStart([executable], 5)} ms`;
  if (target !== "arm64")
    fail(`\`${executable}\` cannot be started on ${process.arch}: build it with \`--target arm64\``);
  if (options["no-arm64-start"]) return "not started, as --no-arm64-start was given";
  if (!existsSync(QEMU) || !existsSync(ARM64_SYSROOT)) {
    fail(
      `\`${executable}\` cannot be started without \`${QEMU}\` and \`${ARM64_SYSROOT}\`:` +
        " run `apt-get install qemu-user-static libc6-arm64-cross`, or give `--no-arm64-start`",
    );
  }
  return `version in ${fastestStart([QEMU, "-L", ARM64_SYSROOT, executable], 1)} ms under qemu`;
}

function fastestStart(argv: string[], times: number): string {
  const runs = Array.from({ length: times }, () => {
    const started = performance.now();
    const { exitCode, stdout, stderr } = Bun.spawnSync([...argv, "version"], { env: {}, stdin: "ignore" });
    const took = performance.now() - started;
    const answered = exitCode === 0 && stdout.toString().startsWith(`Teleport v${version} `);
    if (!answered) fail(`\`${argv.at(-1)} version\` exited ${exitCode} and said:\n${stdout}${stderr}`);
    return took;
  });
  return Math.min(...runs).toFixed(0);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
