import { enroll } from "../update/enroll.ts";
import { openWorld } from "./context.ts";
import type { PIN_FLAGS } from "./enroll-flags.ts";
import { enrollRequest } from "./enroll-request.ts";
import type { CommandInput } from "./program.ts";

/** `pin`: installs a version and stays at it (updater-core §4.2). */
export async function run(input: CommandInput<typeof PIN_FLAGS>): Promise<number> {
  const request = enrollRequest("pin", input);
  await enroll(openWorld(input, { ...request, caFile: request.options.caFile }), request);
  return 0;
}
