import { VARIANT_LINE } from "#variant/variant";
import { PROGRAM_COMMIT, PROGRAM_VERSION } from "../platform/build-info.ts";
import { writeOutput } from "./output.ts";

/** Prints the version line (updater-core §1.3), which tells this program from upstream's by its runtime. */
export async function run(): Promise<number> {
  writeOutput(`Teleport v${PROGRAM_VERSION} git:${PROGRAM_COMMIT} bun${Bun.version}\n${VARIANT_LINE}`);
  return 0;
}
