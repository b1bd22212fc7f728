import { isAbsolute, resolve } from "node:path";
import type { ErrorCode } from "../platform/errors.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace } from "../settings/namespace.ts";
import type { UpdateConfig } from "../settings/update-config.ts";

/** Everything that decides what `uninstall` does. */
export interface UninstallInputs {
  namespace: Pick<Namespace, "isDefault" | "teleport" | "tbot">;
  config: UpdateConfig;
  /** Links lead into the namespace; its versions are in use then, even when `update.yaml` was lost. */
  isLinked: boolean;
  /** The package of Teleport is there, with programs to link. */
  hasPackage: boolean;
  /** The agent or the bot of the namespace runs now. */
  isServing: boolean;
  force: boolean;
}

/**
 * - `tear-down`: nothing is installed, so only the updater's own files go.
 * - `give-back`: the programs of the package take the place of the managed ones, under the running services.
 * - `remove`: the managed programs go, and no others come.
 */
export type UninstallDecision =
  | { action: "tear-down" | "give-back" | "remove"; level: "info" | "warn"; reason: string }
  | { action: "refuse"; code: ErrorCode; reason: string; hint: string };

/**
 * What kind of uninstall it is, from plain data (updater-core §4.7). A package is linked into `/usr/local/bin` only, so
 * only a namespace that links there gives back to it. Where that would leave a host without `teleport.service`, it takes
 * `--force`; a service that runs is never cut off from its program, whatever is forced.
 */
export function decideUninstall(inputs: UninstallInputs): UninstallDecision {
  const { namespace, config, isLinked, hasPackage, isServing, force } = inputs;
  const linksWithPackage = isDefaultLinkDirectory(config.spec.path);
  if (config.status.active.version === "" && !isLinked) {
    return { action: "tear-down", level: "info", reason: "No managed version is installed, removing what is left." };
  }
  if (linksWithPackage && hasPackage) {
    return { action: "give-back", level: "info", reason: "Giving Teleport back to its package." };
  }
  const leavesNothing = linksWithPackage || namespace.isDefault;
  if (leavesNothing && !force) return needsForce(linksWithPackage, config.spec.path);
  if (isServing) return stillServing(namespace);
  return leavesNothing
    ? { action: "remove", level: "warn", reason: "No package takes over, removing Teleport completely." }
    : { action: "remove", level: "info", reason: "Removing this installation of Teleport." };
}

function isDefaultLinkDirectory(path: string): boolean {
  return isAbsolute(path) && resolve(path) === DEFAULT_LINK_DIRECTORY;
}

function needsForce(linksWithPackage: boolean, path: string): UninstallDecision {
  const place = path === "" ? "no path is set" : `it is linked into \`${path}\``;
  const why = linksWithPackage ? "no package of Teleport is installed" : `${place}, so no package takes over`;
  return {
    action: "refuse",
    code: "E_NEEDS_FORCE",
    reason: `unable to remove Teleport completely without \`--force\`: ${why}`,
    hint: "run the command with `--force` if this host needs no Teleport any more",
  };
}

function stillServing({ teleport, tbot }: UninstallInputs["namespace"]): UninstallDecision {
  return {
    action: "refuse",
    code: "E_STILL_RUNNING",
    reason: "refusing to remove an active installation: the agent or the bot still runs",
    hint: `stop and disable its services first: \`systemctl disable --now ${teleport.unit} ${tbot.unit}\``,
  };
}
