import { join } from "node:path";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import { hostGlibc } from "../release/glibc.ts";
import { hasSystem } from "../release/host-architecture.ts";
import { checkOwnVersion, checkPrintedVersion } from "../release/own-version.ts";
import { listPrograms } from "../release/programs.ts";
import { proveProgram } from "../release/prove-program.ts";

export interface ExpectedPrograms {
  /** Of the host. */
  architecture: Architecture;
  version?: string;
}

/**
 * The names in the `bin` of `directory` that may be linked, each one shown to run on this host before any link leads to it
 * (installer-systemd §2.2), and to be of `version` where one is expected. Fails with `E_NO_PROGRAMS`, `E_PROGRAM` or
 * `E_OTHER_VERSION`.
 */
export async function provePrograms(world: World, directory: string, expected: ExpectedPrograms): Promise<string[]> {
  const bin = join(directory, "bin");
  const { architecture, version } = expected;
  if (version !== undefined) checkOwnVersion(world.files, directory, version);
  const names = listPrograms(world.files, bin, world.log);
  const glibc = world.files.root === "/" ? hostGlibc() : undefined;
  if (!hasSystem(world.files))
    world.log.info("No system is in the image, so whether it has the loader of the programs is not looked at.", {
      root: world.files.root,
    });
  for (const name of names) {
    const printed = await proveProgram(world, join(bin, name), { architecture, glibc });
    if (version !== undefined) checkPrintedVersion(name, printed, version);
  }
  return names;
}
