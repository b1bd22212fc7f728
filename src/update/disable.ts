import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { enterNamespace, warnIfMissing } from "./enter.ts";
import { recorded } from "./history.ts";
import { COMMAND_LOCK } from "./locks.ts";
import { planConfig } from "./plan-config.ts";
import { inTransaction } from "./transaction.ts";

/** Turns updates off and nothing else: the timer goes on and finds nothing to do (updater-core §4.6). */
export async function disable(world: World, { namespace }: { namespace: Namespace }): Promise<void> {
  using lock = await enterNamespace(world, namespace, COMMAND_LOCK, "told");
  warnIfMissing(world, namespace);
  const config = readUpdateConfig(world.files, namespace);
  if (!config.spec.enabled) {
    world.log.info("Automatic updates already disabled.");
    return;
  }
  const disabled = { ...config, spec: { ...config.spec, enabled: false } };
  await recorded(world, namespace, "disable", async (action) => {
    action.isBegun = true;
    await inTransaction(world, lock, (transaction) => transaction.apply(planConfig(world.files, namespace, disabled)));
  });
  world.log.info("Automatic updates disabled.");
}
