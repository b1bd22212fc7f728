import { type Notice, timerDisabledNotices, v1DisabledNotices, v1EnabledNotices } from "../host/notices.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { World } from "../platform/world.ts";
import { V1_TIMER_UNIT } from "../settings/namespace.ts";
import type { Transaction } from "./transaction.ts";

/** Makes the changes of a setup step. That the v1 timer would not go off is said, and fails nothing (installer-systemd §4.3). */
export async function applySetup(world: World, transaction: Transaction, changes: readonly Change[]): Promise<void> {
  await applyBearing(world, transaction, changes, { [V1_TIMER_UNIT]: v1DisabledNotices });
}

/** Makes the changes of a teardown. That a timer would not go off or on is said, and fails nothing (installer-systemd §4.4). */
export async function applyTeardown(
  world: World,
  transaction: Transaction,
  changes: readonly Change[],
  timer: string,
): Promise<void> {
  await applyBearing(world, transaction, changes, {
    [timer]: (failure) => timerDisabledNotices(timer, failure),
    [V1_TIMER_UNIT]: v1EnabledNotices,
  });
}

/** Says what `host/` found worth saying. */
export function tell(log: Log, notices: readonly Notice[]): void {
  for (const { level, message, attributes } of notices) log[level](message, attributes);
}

/** What to say once a unit was switched, or would not be. */
type Sayings = Record<string, (failure: string | undefined) => Notice[]>;

/** Makes `changes`; what systemd has against switching one of the units in `sayings` is said, and borne. */
async function applyBearing(
  world: World,
  transaction: Transaction,
  changes: readonly Change[],
  sayings: Sayings,
): Promise<void> {
  transaction.prepare(changes);
  for (const change of changes) {
    const saying = change.kind === "unit" ? sayings[change.unit] : undefined;
    if (saying === undefined) await transaction.apply([change]);
    else tell(world.log, saying(await failureOf(() => transaction.apply([change]))));
  }
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
