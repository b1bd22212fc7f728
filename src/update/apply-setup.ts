import { type Notice, v1DisabledNotices } from "../host/notices.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { World } from "../platform/world.ts";
import { V1_TIMER_UNIT } from "../settings/namespace.ts";
import type { Transaction } from "./transaction.ts";

/** Makes the changes of a setup step. That the v1 timer would not go off is said, and fails nothing (installer-systemd §4.3). */
export async function applySetup(world: World, transaction: Transaction, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    if (change.kind !== "unit" || change.unit !== V1_TIMER_UNIT) {
      await transaction.apply([change]);
      continue;
    }
    tell(world.log, v1DisabledNotices(await failureOf(() => transaction.apply([change]))));
  }
}

/** Says what `host/` found worth saying. */
export function tell(log: Log, notices: readonly Notice[]): void {
  for (const { level, message, attributes } of notices) log[level](message, attributes);
}

async function failureOf(action: () => Promise<void>): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (isUpdateError(error, "E_SYSTEMD")) return error.message;
    throw error;
  }
}
