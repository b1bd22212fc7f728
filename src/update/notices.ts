import { enablingLinks } from "../host/enablement.ts";
import { imageNotices } from "../host/image-notices.ts";
import { suffixNotices, tbotNotices, teleportNotices } from "../host/notices.ts";
import { findOtherBots, otherBotNotice } from "../host/other-bots.ts";
import { serviceFacts } from "../host/service-facts.ts";
import { systemd } from "../host/systemd.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { tell } from "./apply-setup.ts";

/** What is left for the operator to do, with the exact commands (updater-core §4.10). A host behind `--root` does not run, and may become many. */
export async function giveNotices(
  world: World,
  namespace: Namespace,
  { path, dataDirectory, manageTbot }: { path: string; dataDirectory: string; manageTbot: boolean },
): Promise<void> {
  tell(world.log, suffixNotices(namespace, path, dataDirectory));
  if (manageTbot) await warnOfOtherBots(world, namespace);
  if (world.files.root !== "/") {
    tell(world.log, imageNotices(world.files, namespace, { dataDirectory, manageTbot }));
    return;
  }
  const asked = systemd(world);
  const [teleport, tbot] = [namespace.teleport.unit, namespace.tbot.unit];
  tell(world.log, teleportNotices(teleport, await serviceFacts(asked, teleport)));
  tell(world.log, tbotNotices(tbot, await serviceFacts(asked, tbot), manageTbot));
}

/** A bot under another name on the same files; one that is neither enabled nor running harms nobody. */
async function warnOfOtherBots(world: World, namespace: Namespace): Promise<void> {
  for (const bot of findOtherBots(world, namespace)) {
    if (await isUsed(world, bot.unit)) tell(world.log, [otherBotNotice(bot, namespace.tbot.unit)]);
  }
}

async function isUsed(world: World, unit: string): Promise<boolean> {
  if (enablingLinks(world.files, unit).length > 0) return true;
  const facts = await serviceFacts(systemd(world), unit);
  return facts.kind === "known" && (facts.state.enabled || facts.state.active);
}
