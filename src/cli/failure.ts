import { UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";

/**
 * Says once, in one line, why the command failed; what led there is shown under `--debug` (updater-core §1.5). Under `--root`
 * the line names the root too: most paths in it are of the host, and so is what a hint wants to be run.
 */
export function reportFailure(log: Log, error: unknown, hostRoot = "/"): void {
  const first = error instanceof SuppressedError ? error.suppressed : error;
  const failure = first instanceof UpdateError ? first : defect(first);
  const root = hostRoot === "/" ? undefined : hostRoot;
  log.error("command failed", { error: failure.message, code: failure.code, hint: failure.hint, root });
  for (let cause = failure.cause; cause instanceof Error; cause = cause.cause) {
    log.debug("caused by", { error: cause.message });
    if (cause instanceof UpdateError) continue;
    for (const line of (cause.stack ?? "").split("\n").slice(1)) log.debug(line.trim());
  }
}

function defect(error: unknown): UpdateError {
  const message = error instanceof Error ? error.message : String(error);
  return new UpdateError("E_INTERNAL", message === "" ? "an error without a message" : message, {
    cause: error,
    hint: "this is a defect of the updater: please report it, with the output of the same command under `--debug`",
  });
}
