import type { SelinuxModuleChange } from "../../platform/change.ts";
import { isUpdateError } from "../../platform/errors.ts";
import type { Files } from "../../platform/files.ts";
import type { World } from "../../platform/world.ts";
import { whyLeftAlone } from "../data-directory.ts";
import { directoryChanges } from "../file-changes.ts";
import { UPGRADE_DIRECTORY } from "./policy.ts";

type Host = Pick<World, "files" | "log">;

/** Contract (installer-systemd §5.4). */
const PRIVATE_MODE = 0o700;
const CONFIG_MODE = 0o640;

/** What the module labels and is missing, so that it gets its label before the agent makes it with another. */
export function missingAgentPaths(files: Files, dataDirectory: string, config: string): SelinuxModuleChange["makes"] {
  const isLeftAlone = whyLeftAlone(files, dataDirectory) !== undefined;
  const missing = [
    ...directoryChanges(files, UPGRADE_DIRECTORY),
    ...(isLeftAlone ? [] : directoryChanges(files, dataDirectory, PRIVATE_MODE)),
  ];
  return {
    directories: missing.flatMap((change) =>
      change.kind === "directory" ? [{ path: change.path, mode: change.mode }] : [],
    ),
    config: files.stat(config) === undefined,
  };
}

/** Makes them; what goes wrong is warned about. */
export function makeAgentPaths(host: Host, { makes, config }: SelinuxModuleChange): void {
  const { files, log } = host;
  for (const { path, mode } of makes.directories) attempt(host, path, () => files.makeDirectory(path, mode));
  if (!makes.config || files.stat(config) !== undefined) return;
  attempt(host, config, () => {
    // Appending nothing makes the file, and spares one that somebody makes at this moment.
    files.appendFile(config, "");
    files.setMode(config, CONFIG_MODE);
    log.warn("An empty configuration was made, so that it has its SELinux label.", { path: config });
    log.warn("Write into that file. If you replace it, run `teleport-update enable` again to label the new one.", {
      path: config,
    });
  });
}

/** Takes away what is still as it was made; what goes wrong is warned about. */
export function removeAgentPaths(host: Host, { makes, config }: SelinuxModuleChange): void {
  const { files } = host;
  if (makes.config) attempt(host, config, () => files.stat(config)?.size === 0 && files.removeFile(config));
  for (const { path } of makes.directories.toReversed()) attempt(host, path, () => files.removeDirectory(path));
}

function attempt({ log }: Host, path: string, action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    log.warn("A path of the SELinux module is not as it should be.", { path, error: error.message });
  }
}
