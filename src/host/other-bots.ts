import { basename, join } from "node:path";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { UNIT_MARKER, UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import type { Namespace } from "../settings/namespace.ts";
import { directoryName, readBotStorage } from "../settings/tbot-config.ts";
import { botCommands } from "./bot-command.ts";
import { type Notice, warn } from "./notices.ts";

/** A unit of another name that runs a bot on what belongs to the namespace's own. */
export interface OtherBot {
  unit: string;
  /** The configuration, or the directory of the identity, that both use. */
  shared: string;
}

/** In the order in which systemd prefers them; the third is the second on most hosts. */
const UNIT_FOLDERS = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/**
 * The units that start a bot on the configuration of the namespace's own bot, or on its storage, as far as units and
 * configurations tell. Two bots on one identity lock each other out (managed-updates-v2, "Migrating Bots"). Units of
 * other installations of an updater are left out. Never fails: what cannot be read is passed over.
 */
export function findOtherBots({ files, log }: Pick<World, "files" | "log">, namespace: Namespace): OtherBot[] {
  const ownConfig = namespace.tbot.config;
  const ownStorage = readBotStorage(files, ownConfig, log);
  const sharedBy = (text: string) => {
    for (const { config, storage } of botCommands(text)) {
      if (config !== undefined && directoryName(config) === ownConfig) return ownConfig;
      const used = storage ?? (config?.startsWith("/") ? readBotStorage(files, config, log) : undefined);
      if (used !== undefined && ownStorage === directoryName(used)) return ownStorage;
    }
    return undefined;
  };
  return foreignServices(files, namespace).flatMap(({ unit, text }) => {
    const shared = sharedBy(text);
    return shared === undefined ? [] : [{ unit, shared }];
  });
}

/** What to do about one of them. */
export function otherBotNotice(bot: OtherBot, ownUnit: string): Notice {
  return warn("Another unit runs a bot on the same files, which the updater does not keep up to date.", {
    unit: bot.unit,
    path: bot.shared,
    instead: ownUnit,
    command: `systemctl disable --now ${bot.unit}`,
  });
}

/** Every service of the host by its first place, apart from aliases, templates, masked ones and those of an updater. */
function foreignServices(files: Files, namespace: Namespace): { unit: string; text: string }[] {
  const seen = new Set([namespace.tbot.unit]);
  return UNIT_FOLDERS.flatMap((folder) =>
    (files.list(folder) ?? []).flatMap((unit) => {
      if (!/(?<!@)\.service$/.test(unit) || seen.has(unit)) return [];
      seen.add(unit);
      const text = serviceText(files, join(folder, unit));
      return text === undefined || text.startsWith(UNIT_MARKER) ? [] : [{ unit, text }];
    }),
  );
}

function serviceText(files: Files, path: string): string | undefined {
  const target = files.readLink(path);
  if (target !== undefined && basename(target) !== basename(path)) return undefined;
  try {
    return files.readText(path, UNIT_SIZE_LIMIT, "mark");
  } catch (error) {
    if (isUpdateError(error)) return undefined;
    throw error;
  }
}
