import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { formatRevision, type Revision } from "../settings/revision.ts";
import { SIGNAL_GRACE_MS } from "./signal-grace.ts";

/** Runs the part of a move in which it is the release that fails, not the network or the disk: an update marks it, so that the timer skips it. */
export async function blameRelease(
  { files, clock, signal }: World,
  target: Revision,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (failure) {
    if (!isUpdateError(failure, "E_SETUP", "E_SYSTEMD", "E_UNHEALTHY")) throw failure;
    // Rejects when it was our own end that made the program fail.
    await clock.sleep(SIGNAL_GRACE_MS, signal);
    refuseFullDisk(files, failure);
    throw new UpdateError("E_BROKEN_RELEASE", `the new version ${formatRevision(target)} failed: ${failure.message}`, {
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
      cause: failure,
    });
  }
}

/** Another updater's setup does not tell why it failed, and a full disk under the units is no fault of the release. */
function refuseFullDisk(files: Files, failure: UpdateError): void {
  if (failure.code !== "E_SETUP" || files.freeBytes(UNIT_FOLDER) >= UNIT_SPACE) return;
  throw new UpdateError("E_NO_SPACE", `the setup of the release failed, and \`${UNIT_FOLDER}\` has no space left`, {
    hint: "free some space there, and run the command again",
    cause: failure,
  });
}

const UNIT_FOLDER = "/etc/systemd/system";
const UNIT_SPACE = 1 << 20;
