import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { Glob } from "bun";
import { type Architecture, HOST_ARCHITECTURE } from "./elf-patch.ts";
import { must } from "./must.ts";

const INPUTS = ["src/**/*.ts", "scripts/{build.ts,runtimes.json}", "{package.json,bun.lock}"];

/**
 * The absolute path of the compiled `teleport-update` of this machine, or for another processor, built first when a source is newer. Building
 * takes about a second, so a `beforeAll` is a good place.
 */
export async function executablePath(architecture: Architecture = HOST_ARCHITECTURE): Promise<string> {
  return build("dist", [], architecture);
}

/** As `executablePath`, but the FIPS variant. */
export async function fipsExecutablePath(): Promise<string> {
  return build("dist", [], HOST_ARCHITECTURE, "fips");
}

/**
 * As `executablePath`, but a build that watches services ten times as fast (6 s at most instead of a minute) and knows
 * fault points. With a `version` it is another release of ours.
 */
export async function testingExecutablePath(version?: string): Promise<string> {
  if (version !== undefined) return build(`dist/testing/${version}`, ["--testing-version", version]);
  return build("dist/testing", ["--testing"]);
}

async function build(
  folder: string,
  options: readonly string[],
  architecture: Architecture = HOST_ARCHITECTURE,
  variant: "ordinary" | "fips" = "ordinary",
): Promise<string> {
  const path = resolve(folder, `teleport-update-linux-${architecture}${variant === "fips" ? "-fips" : ""}`);
  const words = ["--target", architecture, "--variant", variant, ...options];
  if (!isCurrent(path)) await must([process.execPath, "scripts/build.ts", ...words]);
  return path;
}

function isCurrent(path: string): boolean {
  if (!existsSync(path)) return false;
  const builtAt = statSync(path).mtimeMs;
  return INPUTS.every((pattern) =>
    [...new Glob(pattern).scanSync(".")].every((file) => statSync(file).mtimeMs < builtAt),
  );
}
