import type { Files } from "../platform/files.ts";
import type { Namespace } from "./namespace.ts";

/** How a unit begins that the updater wrote (installer-systemd §3.1, §3.8); compared byte by byte. */
export const UNIT_MARKER = "# teleport-update ";

/** Contract: units of this size or more are not handled (installer-systemd, constants). */
export const UNIT_SIZE_LIMIT = 1_000_000;

/** True when `tbot.service` exists and somebody else made it. Fails when it cannot be read. */
export function isCustomTbot(files: Files, namespace: Namespace): boolean {
  const unit = files.readText(namespace.tbot.unitFile, UNIT_SIZE_LIMIT, "mark");
  return unit !== undefined && !unit.startsWith(UNIT_MARKER);
}
