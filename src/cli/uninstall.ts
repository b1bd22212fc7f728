import { uninstall } from "../update/uninstall.ts";
import type { UNINSTALL_FLAGS } from "./commands.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `uninstall`: gives Teleport back to its package, or removes it (updater-core §4.7). */
export async function run(input: CommandInput<typeof UNINSTALL_FLAGS>): Promise<number> {
  const request = { namespace: readNamespace(input), force: input.values.force };
  await uninstall(openWorld(input, request), request);
  return 0;
}
