import { plainJson } from "../platform/plain-text.ts";
import { formatReports, hasDamage, verifyInstalled } from "../update/verify.ts";
import type { READ_FLAGS } from "./commands.ts";
import { openWorld, readNamespace } from "./context.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** Exit code when a version is not as it was installed. */
const DAMAGED = 1;

/** `verify`: compares what is installed with what was accepted. */
export async function run(input: CommandInput<typeof READ_FLAGS>): Promise<number> {
  const namespace = readNamespace(input);
  const reports = await verifyInstalled(openWorld(input, { namespace }), namespace);
  writeOutput(`${input.values.json ? plainJson({ versions: reports }) : formatReports(reports)}\n`);
  return hasDamage(reports) ? DAMAGED : 0;
}
