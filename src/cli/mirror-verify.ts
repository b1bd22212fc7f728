import { resolve } from "node:path";
import { formatTreeReport, verifyTree } from "../mirror/verify.ts";
import { readTrustedKeys } from "../release/trusted-keys.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { MIRROR_VERIFY_FLAGS } from "./mirror-flags.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** Exit code when a file is not as it was built. */
const DAMAGED = 1;

/** `mirror verify`: reads each file of a mirror and says what is not as it was built. */
export async function run(input: CommandInput<typeof MIRROR_VERIFY_FLAGS>): Promise<number> {
  const { at, json } = input.values;
  const world = openWorld(input, { namespace: readNamespace(input) });
  const paths = input.values["trusted-key"].map((path) => resolve(path));
  const report = await verifyTree(world, resolve(at), await readTrustedKeys(world.localFiles, paths));
  writeOutput(json ? `${JSON.stringify(report)}\n` : formatTreeReport(at, report));
  return report.damage.length === 0 ? 0 : DAMAGED;
}
