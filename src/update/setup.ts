import { systemd } from "../host/systemd.ts";
import { readTimerFacts } from "../host/timer-facts.ts";
import type { Change } from "../platform/change.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";
import { readTeleportDefaults } from "../settings/teleport-config.ts";
import { applySetup } from "./apply-setup.ts";
import { serviceReloads } from "./services.ts";
import { planOwnSetup } from "./setup-step.ts";
import { inTransaction } from "./transaction.ts";

/** What a locked `enable` or `update`, ours or upstream's, asks of its setup child. */
export interface SetupRequest {
  namespace: Namespace;
  revision: Revision;
  path: string;
  reload: boolean;
  selinuxSsh: boolean;
  tbot: boolean;
}

/**
 * Writes the units of a linked revision, starts the timer, and reloads the services when asked (updater-core §4.8). Takes
 * no lock: it runs as the child of who holds it. Reads no `update.yaml`. What fails is undone.
 */
export async function setup(world: World, request: SetupRequest): Promise<void> {
  const { namespace, revision, path } = request;
  const { dataDirectory } = readTeleportDefaults(world.files, namespace, world.log);
  const facts = await readTimerFacts(world.files, systemd(world), namespace);
  if (facts.kind === "absent") {
    world.log.warn("Systemd is not running, so only the units of the services are written: nothing updates by itself.");
  }
  const step = { namespace, revision, path, dataDirectory, manageTbot: request.tbot, systemd: facts };
  const changes = planOwnSetup(world, step, request.selinuxSsh);
  await inTransaction(world, undefined, async (transaction) => {
    await applySetup(world, transaction, changes);
    if (facts.kind === "present") await transaction.apply(await planPresentReloads(world, request, dataDirectory));
  });
}

/** A service whose unit systemd does not see is reported and left out, which is no failure (installer-systemd §4.8). */
async function planPresentReloads(world: World, request: SetupRequest, dataDirectory: string): Promise<Change[]> {
  const present: Change[] = [];
  for (const service of await serviceReloads(world, request.namespace, dataDirectory, request.tbot)) {
    if ((await systemd(world).isPresent(service.unit)) !== "absent") present.push(service);
    else
      world.log.error("The unit was written, but systemd does not see it: check the SELinux settings.", {
        unit: service.unit,
      });
  }
  return request.reload ? present : [];
}
