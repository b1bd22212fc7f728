import { join } from "node:path";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import { hostArchitecture } from "../release/host-architecture.ts";
import { type Namespace, UPDATER_NAME, versionDirectory } from "../settings/namespace.ts";
import { NO_REVISION } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";

/**
 * The processor of the host, as `hostArchitecture` has it: a layer, which has no system, is of the one that its active release
 * is for, or, without a release, its updater. `stated` is what an operator says of it.
 */
export function architectureOf(
  world: Pick<World, "files" | "localFiles" | "log">,
  namespace: Namespace,
  config: UpdateConfig,
  stated?: Architecture,
): Architecture {
  return hostArchitecture(world, { stated, installed: installedPrograms(namespace, config) });
}

function installedPrograms(namespace: Namespace, { spec, status }: UpdateConfig): string[] {
  const { active } = status;
  const bin = join(versionDirectory(namespace, active), "bin");
  const ofRelease = active.version === NO_REVISION.version ? [] : ["teleport", "tbot"].map((name) => join(bin, name));
  return [...ofRelease, join(spec.path || namespace.defaultLinkDirectory, UPDATER_NAME)];
}
