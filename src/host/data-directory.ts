import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { findOpenWay } from "../platform/open-places.ts";
import type { Notice } from "./notices.ts";
import { botDirectory } from "./service-units.ts";

/**
 * Why root makes nothing in the agent's data directory, nor the directory itself; undefined when it may. The directory may
 * belong to an agent without root, but where that agent may also put a link in its place, what root makes is made anywhere.
 */
export function whyLeftAlone(files: Files, dataDirectory: string): string | undefined {
  try {
    const open = findOpenWay(files, dataDirectory).find(({ isDoubtful }) => !isDoubtful);
    return open && `others than root may change \`${open.path}\`: ${open.reason}`;
  } catch (error) {
    if (isUpdateError(error)) return error.message;
    throw error;
  }
}

/** What to say of the bot's folder that is missing, and not made. */
export function botDirectoryNotices(files: Files, dataDirectory: string): Notice[] {
  const reason = whyLeftAlone(files, dataDirectory);
  const path = botDirectory(dataDirectory);
  if (reason === undefined || isThere(files, path)) return [];
  const message = "The folder of the bot is not made. Make it as the user of the agent.";
  return [{ level: "warn", message, attributes: { path, reason } }];
}

function isThere(files: Files, path: string): boolean {
  try {
    return files.stat(path) !== undefined;
  } catch (error) {
    if (isUpdateError(error)) return false;
    throw error;
  }
}
