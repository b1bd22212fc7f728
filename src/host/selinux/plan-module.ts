import type { Change, SelinuxModuleChange } from "../../platform/change.ts";
import { isUpdateError } from "../../platform/errors.ts";
import type { Files } from "../../platform/files.ts";
import type { LogAttributes } from "../../platform/log.ts";
import { type Namespace, namespaceFor } from "../../settings/namespace.ts";
import { readUpdateConfig } from "../../settings/update-config-read.ts";
import { whyLeftAlone } from "../data-directory.ts";
import type { Notice } from "../notices.ts";
import { missingAgentPaths } from "./agent-paths.ts";
import { isModuleInstalled, MODULE_NAME } from "./module-store.ts";

/** What setup does about the module, and what to say about that. */
export interface ModulePlan {
  changes: Change[];
  notices: Notice[];
}

/**
 * Plans the module for a setup step that has it switched on (`isWanted`) or off (installer-systemd §5.4). A host has one
 * module for all its namespaces: the last setup that wants it has it, and one that does not want it leaves it to those
 * that do. Never fails.
 */
export function planModule(files: Files, namespace: Namespace, dataDirectory: string, isWanted: boolean): ModulePlan {
  if (files.root !== "/") return { changes: [], notices: isWanted ? [warn(LEFT_OUT)] : [] };
  try {
    if (!isWanted) return { changes: planModuleRemoval(files, namespace, dataDirectory), notices: [] };
    return {
      changes: [moduleChange(files, namespace, dataDirectory, true)],
      notices: [...shareNotices(files, namespace), ...ownerNotices(files, dataDirectory)],
    };
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    return { changes: [], notices: [warn("The SELinux module is left as it is.", { reason: error.message })] };
  }
}

/**
 * The change that removes the module; none when it is not installed, serves another namespace, or belongs to a host
 * behind `--root`. Fails with `E_IO` or `E_UNREADABLE_FILE` when that cannot be told (installer-systemd §4.4 step 1).
 */
export function planModuleRemoval(files: Files, namespace: Namespace, dataDirectory: string): Change[] {
  if (files.root !== "/" || !isModuleInstalled(files) || otherUsers(files, namespace).length > 0) return [];
  return [moduleChange(files, namespace, dataDirectory, false)];
}

const LEFT_OUT = "The SELinux module is left out, as nothing is run under `--root`.";

function moduleChange(files: Files, namespace: Namespace, dataDirectory: string, after: boolean): SelinuxModuleChange {
  const { installDirectory, directory, teleport } = namespace;
  const nothing = { directories: [], config: false };
  return {
    kind: "selinux-module",
    before: isModuleInstalled(files),
    after,
    installDirectory,
    namespaceDirectory: directory,
    dataDirectory,
    config: teleport.config,
    pidFile: teleport.pidFile,
    makes: after ? missingAgentPaths(files, dataDirectory, teleport.config) : nothing,
  };
}

function shareNotices(files: Files, namespace: Namespace): Notice[] {
  const others = otherUsers(files, namespace);
  if (others.length === 0) return [];
  return [
    warn(
      "Another installation has the SELinux module on too. A host has one, which serves this installation from now on.",
      {
        module: MODULE_NAME,
        others: others.join(" "),
      },
    ),
  ];
}

function ownerNotices(files: Files, dataDirectory: string): Notice[] {
  const reason = whyLeftAlone(files, dataDirectory);
  if (reason !== undefined)
    return [warn("What is missing of the data directory is not made.", { path: dataDirectory, reason })];
  const owner = files.statFollowed(dataDirectory)?.owner ?? 0;
  if (owner === 0) return [];
  return [
    warn("The data directory does not belong to root. The SELinux module is made for an agent that runs as root.", {
      path: dataDirectory,
      owner,
    }),
  ];
}

/** The directories of the other namespaces here that have the module on; one that cannot be read has not. */
function otherUsers(files: Files, namespace: Namespace): string[] {
  const names = (files.list(namespace.installDirectory) ?? []).map((name) => (name === "default" ? "" : name));
  return names.flatMap((suffix) => {
    if (suffix === namespace.suffix) return [];
    try {
      const other = namespaceFor(suffix, namespace.installDirectory);
      return readUpdateConfig(files, other).spec.selinuxSsh ? [other.directory] : [];
    } catch (error) {
      if (isUpdateError(error)) return [];
      throw error;
    }
  });
}

function warn(message: string, attributes: LogAttributes = {}): Notice {
  return { level: "warn", message, attributes };
}
