import { linkPackage } from "../update/link-package.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `link-package`: what the script of the package runs after it is installed (updater-core §4.11). */
export async function run(input: CommandInput): Promise<number> {
  const request = { namespace: readNamespace(input) };
  await linkPackage(openWorld(input, request), request);
  return 0;
}
