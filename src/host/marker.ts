import { UNIT_MARKER } from "../settings/custom-tbot.ts";
import { type Revision, revisionDirectory } from "../settings/revision.ts";

/** The first line of every file that the setup of `revision` makes, its newline included (installer-systemd §3.1). */
export function marker(revision: Revision): string {
  return markerOf(revisionDirectory(revision));
}

/** As `marker`, from the name of a version directory. */
export function markerOf(revisionName: string): string {
  return `${UNIT_MARKER}${revisionName}\n`;
}
