import { unpin } from "../update/unpin.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `unpin`: follows the cluster's version again (updater-core §4.6). */
export async function run(input: CommandInput): Promise<number> {
  const request = { namespace: readNamespace(input) };
  await unpin(openWorld(input, request), request);
  return 0;
}
