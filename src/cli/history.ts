import { plainJson } from "../platform/plain-text.ts";
import { formatHistory, historyPath, readHistory } from "../update/history.ts";
import type { READ_FLAGS } from "./commands.ts";
import { openWorld, readNamespace } from "./context.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** `history`: what was done on this host, oldest first. */
export async function run(input: CommandInput<typeof READ_FLAGS>): Promise<number> {
  const namespace = readNamespace(input);
  const entries = readHistory(openWorld(input, { namespace }).files, namespace);
  if (entries.length === 0) input.log.info("Nothing is recorded yet.", { path: historyPath(namespace) });
  writeOutput(input.values.json ? entries.map((entry) => `${plainJson(entry)}\n`).join("") : formatHistory(entries));
  return 0;
}
