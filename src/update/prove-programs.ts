import { join } from "node:path";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import { hostGlibc } from "../release/glibc.ts";
import { listPrograms } from "../release/programs.ts";
import { proveProgram } from "../release/prove-program.ts";

/**
 * The names in `bin` that may be linked, each one shown to run on this host before any link leads to it (installer-systemd
 * §2.2). Fails with `E_NO_PROGRAMS` or `E_PROGRAM`.
 */
export async function provePrograms(world: World, bin: string, architecture: Architecture): Promise<string[]> {
  const names = listPrograms(world.files, bin, world.log);
  const glibc = world.files.root === "/" ? hostGlibc() : undefined;
  for (const name of names) {
    await proveProgram(world, join(bin, name), { architecture, glibc });
  }
  return names;
}
