import { dirname, join } from "node:path";
import type { SelinuxModuleChange } from "../../platform/change.ts";
import { isUpdateError, UpdateError } from "../../platform/errors.ts";
import type { RunOptions, RunResult } from "../../platform/processes.ts";
import type { World } from "../../platform/world.ts";
import { makeAgentPaths, removeAgentPaths } from "./agent-paths.ts";
import { isModuleInstalled, kernelTakesPolicy, MODULE_NAME } from "./module-store.ts";
import { fileContexts, TYPE_ENFORCEMENT, UPGRADE_DIRECTORY } from "./policy.ts";
import { BUILD_RULES, findBuildTools, findPolicyTools, type PolicyTools } from "./tools.ts";

type Host = Pick<World, "files" | "processes" | "log" | "signal">;

const PACKAGE = `${MODULE_NAME}.pp`;
const PRIVATE_MODE = 0o700;
/** Contract: mode of the policy's sources (installer-systemd §5.4). */
const SOURCE_MODE = 0o440;
/** Ours. Building and installing take ten seconds; labelling takes as long as the data directory is large. */
const STEP_TIMEOUT_MS = 10 * 60_000;
/** Of what a program said last; all of it stands in the log at debug level. */
const QUOTED_LENGTH = 400;
/** Contract: how `semodule -r` says that there was nothing to remove (installer-systemd §5.4). */
const ALREADY_GONE = "(No such file or directory).";

/** Makes the change. What goes wrong is warned about, and the agent then runs without the module, or with an old one. */
export async function makeModuleChange(host: Host, change: SelinuxModuleChange): Promise<void> {
  await reachModule(host, change, change.after);
}

/** Brings the module back to `before`, and takes away what installing made, as far as that can be done. */
export async function undoModuleChange(host: Host, change: SelinuxModuleChange): Promise<void> {
  if (change.before !== change.after) await reachModule(host, change, change.before);
  if (change.after) removeAgentPaths(host, change);
}

async function reachModule(host: Host, change: SelinuxModuleChange, isWanted: boolean): Promise<void> {
  if (host.files.root !== "/") {
    // No boot changes it, and the policy of the machine that runs the updater is none of its business.
    host.log.warn("The SELinux module stays as it is, run `teleport-update enable` on the host when it has booted.", {
      module: MODULE_NAME,
    });
    return;
  }
  try {
    await (isWanted ? install(host, change) : remove(host, change));
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    host.log.warn(`The SELinux module is not ${isWanted ? "installed" : "removed"} in full.`, {
      module: MODULE_NAME,
      reason: error.message,
    });
  }
}

async function install(host: Host, change: SelinuxModuleChange): Promise<void> {
  const tools = findBuildTools(host);
  const { files, signal } = host;
  const folder = join(change.namespaceDirectory, `.staging-selinux-${crypto.randomUUID().slice(0, 8)}`);
  try {
    files.makeDirectory(folder, PRIVATE_MODE);
    files.writeFile(join(folder, `${MODULE_NAME}.te`), TYPE_ENFORCEMENT, SOURCE_MODE);
    files.writeFile(join(folder, `${MODULE_NAME}.fc`), fileContexts(change), SOURCE_MODE);
    const directory = files.real(folder);
    // The build may be interrupted. What follows may not: it replaces the host's policy as a whole.
    await run(host, [tools.make, "-f", BUILD_RULES, PACKAGE], { directory, signal });
    if (signal.aborted) throw new UpdateError("E_CANCELED", "interrupted");
    await run(host, [tools.semodule, ...storeOnly(host), "-i", PACKAGE], { directory });
  } finally {
    files.removeTree(folder);
  }
  host.log.info("The SELinux module is installed. It denies nothing yet, it only logs what it would.", {
    module: MODULE_NAME,
  });
  makeAgentPaths(host, change);
  await label(host, change, tools);
}

async function remove(host: Host, change: SelinuxModuleChange): Promise<void> {
  if (!isModuleInstalled(host.files)) {
    host.log.debug("The SELinux module is not installed.", { module: MODULE_NAME });
    return;
  }
  const tools = findPolicyTools(host);
  const isGone = ({ stdout, stderr }: RunResult) => `${stdout}${stderr}`.includes(ALREADY_GONE);
  await run(host, [tools.semodule, ...storeOnly(host), "-r", MODULE_NAME], {}, isGone);
  host.log.info("The SELinux module is removed.", { module: MODULE_NAME });
  await label(host, change, tools);
}

/** Without SELinux in the kernel there is no policy to load. */
function storeOnly({ files }: Host): string[] {
  return kernelTakesPolicy(files) ? [] : ["-n"];
}

/** Gives every file the label that the host's policy says now (installer-systemd §5.4). */
async function label(host: Host, change: SelinuxModuleChange, { restorecon }: PolicyTools): Promise<void> {
  const { installDirectory, dataDirectory, config } = change;
  // `restorecon` fails for what is not there.
  const isThere = (path: string) => host.files.stat(path) !== undefined;
  const folders = [installDirectory, dataDirectory, UPGRADE_DIRECTORY].filter(isThere);
  await run(host, [restorecon, "-rv", ...folders, ...(isThere(config) ? [dirname(config)] : [])]);
}

/** Runs a program with its lines at debug level; fails with `E_PROCESS` when it does, unless its result `isFine`. */
async function run(
  { processes, log }: Host,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
  isFine: (result: RunResult) => boolean = () => false,
): Promise<void> {
  const result = await processes.run(argv, {
    ...options,
    timeoutMs: STEP_TIMEOUT_MS,
    onLine: (line, from) => log.debug(`[${from}] ${line}`),
  });
  if (result.exitCode === 0 || isFine(result)) return;
  const ended = result.timedOut ? "it took too long" : (result.failure ?? `exit code ${result.exitCode}`);
  const said = result.stderr.trim().slice(-QUOTED_LENGTH);
  throw new UpdateError("E_PROCESS", `\`${argv.join(" ")}\` failed: ${said === "" ? ended : `${ended}, ${said}`}`);
}
