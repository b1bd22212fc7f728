import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { enterNamespace, warnIfMissing } from "./enter.ts";
import { recorded } from "./history.ts";
import { COMMAND_LOCK } from "./locks.ts";
import { planConfig } from "./plan-config.ts";
import { inTransaction } from "./transaction.ts";

/** Lets the host follow its cluster again, from the next run of the timer on (updater-core §4.6). */
export async function unpin(world: World, { namespace }: { namespace: Namespace }): Promise<void> {
  using lock = await enterNamespace(world, namespace, COMMAND_LOCK);
  warnIfMissing(world, namespace);
  const config = readUpdateConfig(world.files, namespace);
  if (!config.spec.pinned) {
    world.log.info("The version is not pinned.");
    return;
  }
  const unpinned = { ...config, spec: { ...config.spec, pinned: false } };
  await recorded(world, namespace, "unpin", async (action) => {
    action.isBegun = true;
    await inTransaction(world, lock, (transaction) => transaction.apply(planConfig(world.files, namespace, unpinned)));
  });
  world.log.info("The version is unpinned.");
}
