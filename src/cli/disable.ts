import { disable } from "../update/disable.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `disable`: turns updates off (updater-core §4.6). */
export async function run(input: CommandInput): Promise<number> {
  const request = { namespace: readNamespace(input) };
  await disable(openWorld(input, request), request);
  return 0;
}
