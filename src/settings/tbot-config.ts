import { normalize } from "node:path/posix";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { isMapping, readMapping } from "./teleport-config.ts";

/** Where a bot keeps its identity when its configuration does not say. */
const DEFAULT_STORAGE = "/var/lib/teleport/bot";

/**
 * The directory in which the bot with the configuration at `path` keeps its identity; undefined when that is no directory,
 * or when there is no such file. Best effort, as for `teleport.yaml`: whatever is odd is passed over.
 */
export function readBotStorage(files: Files, path: string, log: Log): string | undefined {
  const config = readMapping(files, path, log);
  if (typeof config === "string") return undefined;
  const storage = config["storage"] ?? "";
  if (storage === "") return DEFAULT_STORAGE;
  if (!isMapping(storage) || (storage["type"] ?? "directory") !== "directory") return undefined;
  const written = storage["path"];
  return typeof written === "string" && written.startsWith("/") ? directoryName(written) : undefined;
}

/** A directory in one spelling, so that two can be compared. */
export function directoryName(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/, "");
}
