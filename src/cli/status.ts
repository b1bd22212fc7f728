import { readStatus, type StatusReport, shouldUpdateNow } from "../update/status.ts";
import { formatStatus } from "../update/status-format.ts";
import type { STATUS_FLAGS } from "./commands.ts";
import { openWorld, readNamespace } from "./context.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** Exit code of `status --err-if-should-update-now` when it should (updater-core §1.5). */
const SHOULD_UPDATE_NOW = 3;

/** `status`: prints the report as YAML (updater-core §4.5). Fails as `findTarget` does, once it told what it knows without. */
export async function run(input: CommandInput<typeof STATUS_FLAGS>): Promise<number> {
  const request = { namespace: readNamespace(input), insecure: input.values.insecure };
  const report = await readStatus(openWorld(input, request), request);
  writeOutput(formatStatus(report));
  if (report.failure !== undefined) throw report.failure;
  return statusExitCode(report, input.values["err-if-should-update-now"]);
}

/** 3 when asked to tell and the host should update now, else 0. */
export function statusExitCode(
  report: Pick<StatusReport, "status" | "answer" | "limit">,
  tellByExitCode: boolean,
): number {
  return tellByExitCode && shouldUpdateNow(report) ? SHOULD_UPDATE_NOW : 0;
}
