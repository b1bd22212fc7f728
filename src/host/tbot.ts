import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { isCustomTbot } from "../settings/custom-tbot.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { Notice } from "./notices.ts";

/** Whether this run takes care of the bot's unit, and what to say about that. */
export interface TbotDecision {
  isManaged: boolean;
  notices: Notice[];
}

/** The bot is ours unless its unit is somebody else's; `overwrite` takes that too (updater-core §4.3 step 6). */
export function decideTbot(files: Files, namespace: Namespace, overwrite: boolean): TbotDecision {
  const { unit } = namespace.tbot;
  switch (tbotMaker(files, namespace)) {
    case "updater":
      return { isManaged: true, notices: [] };
    case "unreadable":
      return {
        isManaged: false,
        notices: [
          { level: "error", message: "Unable to tell who made the service of tbot.", attributes: { unit } },
          { level: "error", message: "This service will not be managed by the updater.", attributes: { unit } },
        ],
      };
    case "somebody else": {
      const message = overwrite
        ? "The custom service of tbot will be overwritten."
        : "The service of tbot was not made by the updater, which cannot manage it.";
      const advice = ["Pass --overwrite to replace it.", "Drop-ins can still be used to change a replaced service."];
      return {
        isManaged: overwrite,
        notices: [
          { level: "warn", message, attributes: { unit } },
          ...(overwrite ? [] : advice).map((line) => ({ level: "warn" as const, message: line })),
        ],
      };
    }
  }
}

function tbotMaker(files: Files, namespace: Namespace): "updater" | "somebody else" | "unreadable" {
  try {
    return isCustomTbot(files, namespace) ? "somebody else" : "updater";
  } catch (error) {
    if (isUpdateError(error)) return "unreadable";
    throw error;
  }
}
