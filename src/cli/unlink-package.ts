import { unlinkPackage } from "../update/unlink-package.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `unlink-package`: what the script of the package runs before it goes (updater-core §4.11). */
export async function run(input: CommandInput): Promise<number> {
  const request = { namespace: readNamespace(input) };
  await unlinkPackage(openWorld(input, request), request);
  return 0;
}
