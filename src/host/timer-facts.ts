import { basename } from "node:path";
import type { UnitState } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { type Namespace, V1_TIMER_UNIT } from "../settings/namespace.ts";
import { findUnitFile } from "./enablement.ts";
import type { Systemd } from "./systemd.ts";

/** What systemd says about the two timers, before a setup or teardown is planned. */
export type TimerFacts =
  /** The host has no systemd. */
  | { kind: "absent" }
  /** The host is not running, it is seen through `--root`. */
  | { kind: "offline" }
  | { kind: "present"; timer: UnitState; v1: { installed: boolean; state: UnitState } };

const NOT_THERE = { installed: false, state: { enabled: false, active: false } };

/** Asks systemd; the v1 timer matters to the default namespace only (installer-systemd §4.3). Fails with `E_SYSTEMD`. */
export async function readTimerFacts(files: Files, systemd: Systemd, namespace: Namespace): Promise<TimerFacts> {
  if (files.root !== "/") return { kind: "offline" };
  if (!systemd.isRunning()) return { kind: "absent" };
  const timer = await systemd.state(basename(namespace.updaterTimer));
  const hasV1 = namespace.isDefault && (await isV1Installed(files, systemd));
  const v1 = hasV1 ? { installed: true, state: await systemd.state(V1_TIMER_UNIT) } : NOT_THERE;
  return { kind: "present", timer, v1 };
}

/** Where systemd is too old to answer, the unit file itself tells. */
async function isV1Installed(files: Files, systemd: Systemd): Promise<boolean> {
  const presence = await systemd.isPresent(V1_TIMER_UNIT);
  if (presence !== "not-available") return presence === "present";
  return findUnitFile(files, V1_TIMER_UNIT) !== undefined;
}
