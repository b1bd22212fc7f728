import { resolve } from "node:path";
import { formatTreeReport, verifyTree } from "../mirror/verify.ts";
import { plainJson } from "../platform/plain-text.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { MIRROR_VERIFY_FLAGS } from "./mirror-flags.ts";
import { readMirrorKeys } from "./mirror-keys.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** Exit code when a file is not as it was built. */
const DAMAGED = 1;

/** `mirror verify`: reads each file of a mirror and says what is not as it was built. */
export async function run(input: CommandInput<typeof MIRROR_VERIFY_FLAGS>): Promise<number> {
  const { at, json } = input.values;
  const world = openWorld(input, { namespace: readNamespace(input) });
  const keys = await readMirrorKeys(world.localFiles, input.values["trusted-key"]);
  const report = await verifyTree(world, resolve(at), keys);
  writeOutput(json ? `${plainJson(report)}\n` : formatTreeReport(at, report));
  return report.damage.length === 0 ? 0 : DAMAGED;
}
