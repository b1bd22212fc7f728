import { enroll } from "../update/enroll.ts";
import { openWorld } from "./context.ts";
import type { ENROLL_FLAGS } from "./enroll-flags.ts";
import { enrollRequest } from "./enroll-request.ts";
import type { CommandInput } from "./program.ts";

/** `enable`: installs the cluster's version and turns updates on (updater-core §4.2). */
export async function run(input: CommandInput<typeof ENROLL_FLAGS>): Promise<number> {
  const request = enrollRequest("enable", input);
  await enroll(openWorld(input, { ...request, caFile: request.options.caFile }), request);
  return 0;
}
