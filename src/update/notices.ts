import { suffixNotices, tbotNotices, teleportNotices } from "../host/notices.ts";
import { serviceFacts } from "../host/service-facts.ts";
import { systemd } from "../host/systemd.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { tell } from "./apply-setup.ts";

/** What is left for the operator to do, with the exact commands (updater-core §4.10). A host behind `--root` does not run. */
export async function giveNotices(
  world: World,
  namespace: Namespace,
  { path, dataDirectory, manageTbot }: { path: string; dataDirectory: string; manageTbot: boolean },
): Promise<void> {
  tell(world.log, suffixNotices(namespace, path, dataDirectory));
  if (world.files.root !== "/") return;
  const asked = systemd(world);
  const [teleport, tbot] = [namespace.teleport.unit, namespace.tbot.unit];
  tell(world.log, teleportNotices(teleport, await serviceFacts(asked, teleport)));
  tell(world.log, tbotNotices(tbot, await serviceFacts(asked, tbot), manageTbot));
}
