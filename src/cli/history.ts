import { plainJson } from "../platform/plain-text.ts";
import { formatHistory, historyPath, readHistory } from "../update/history.ts";
import { notInstalled } from "../update/status.ts";
import type { READ_FLAGS } from "./commands.ts";
import { openWorld, readNamespace } from "./context.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** `history`: what was done on this host, oldest first. Fails with `E_NOT_INSTALLED` where there never was anything to do. */
export async function run(input: CommandInput<typeof READ_FLAGS>): Promise<number> {
  const namespace = readNamespace(input);
  const { files } = openWorld(input, { namespace });
  const entries = readHistory(files, namespace);
  // Of a first run that failed, the history may be all that is there.
  if (entries.length === 0 && files.stat(namespace.config) === undefined) throw notInstalled(namespace);
  if (entries.length === 0) input.log.info("Nothing is recorded yet.", { path: historyPath(namespace) });
  writeOutput(input.values.json ? entries.map((entry) => `${plainJson(entry)}\n`).join("") : formatHistory(entries));
  return 0;
}
