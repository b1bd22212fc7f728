import type { UnitState } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Systemd } from "./systemd.ts";

/** What systemd says about a service, as far as notices go. */
export type ServiceFacts =
  | { kind: "no-systemd" }
  /** systemd is too old to be asked. */
  | { kind: "not-available" }
  | { kind: "failed"; reason: string }
  | { kind: "known"; state: UnitState };

/** Asks systemd about a service. Never fails: what it says against the question becomes a fact. */
export async function serviceFacts(systemd: Systemd, unit: string): Promise<ServiceFacts> {
  if (!systemd.isRunning()) return { kind: "no-systemd" };
  try {
    if ((await systemd.isPresent(unit)) === "not-available") return { kind: "not-available" };
    return { kind: "known", state: await systemd.state(unit) };
  } catch (error) {
    if (isUpdateError(error, "E_SYSTEMD")) return { kind: "failed", reason: error.message };
    throw error;
  }
}
