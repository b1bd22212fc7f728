import { update } from "../update/update.ts";
import type { UPDATE_FLAGS } from "./commands.ts";
import { openWorld, readNamespace, temporaryDirectory } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `update`: moves to the cluster's version if it is time (updater-core §4.4). */
export async function run(input: CommandInput<typeof UPDATE_FLAGS>): Promise<number> {
  const { values } = input;
  const request = {
    namespace: readNamespace(input),
    isNow: values.now,
    selfSetup: values["self-setup"],
    insecure: values.insecure,
    debug: values.debug,
    logFormat: values["log-format"],
    temporaryDirectory: temporaryDirectory(input),
  };
  await update(openWorld(input, request), request);
  return 0;
}
