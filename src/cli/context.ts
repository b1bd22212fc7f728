import { HEALTH_TIMING, PROGRAM_PATH } from "../platform/build-info.ts";
import { systemClock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import { hostFiles } from "../platform/host-files.ts";
import { hostProcesses } from "../platform/host-processes.ts";
import type { Http } from "../platform/http.ts";
import { hostSockets } from "../platform/socket-http.ts";
import type { World } from "../platform/world.ts";
import { CLEAR } from "../settings/clear-word.ts";
import { type Namespace, namespaceFor } from "../settings/namespace.ts";
import type { CommandInput } from "./program.ts";
import { interruptSignal } from "./signals.ts";
import { terminalFor } from "./terminal.ts";

/** The installation that the global flags name; fails with `E_NAMESPACE`. */
export function readNamespace({ values }: CommandInput): Namespace {
  return namespaceFor(values["install-suffix"], values["install-dir"]);
}

/**
 * The world of one command: the host under `--root`, and a network that trusts `caFile`, or else the one in the options
 * of the namespace, besides the host's own authorities. From here on SIGINT and SIGTERM fire `world.signal`.
 */
export function openWorld(input: CommandInput, { namespace, caFile }: WorldSettings): World {
  const { values, environment, hostRoot, log } = input;
  const files = hostFiles(hostRoot);
  const http = deferredHttp(async () => {
    const [{ openHttp }, { readTrustStore }, { readProxyEnvironment }] = await Promise.all([
      import("#variant/http"),
      import("../platform/trust-store.ts"),
      import("../platform/connect-proxy.ts"),
    ]);
    if (values.insecure) log.warn("Certificates are not checked in this run: whoever answers is believed.");
    const trusted = await trustedCaFile(files, namespace, caFile);
    return openHttp({
      // Also under `--root` it is this machine that talks to the network.
      trust: () => readTrustStore(hostFiles(), trusted),
      insecure: values.insecure,
      proxies: readProxyEnvironment(environment),
    });
  });
  return {
    files,
    localFiles: hostFiles(),
    processes: hostProcesses,
    clock: systemClock,
    http,
    sockets: hostSockets(files),
    log,
    health: HEALTH_TIMING,
    terminal: terminalFor(environment, values["log-format"]),
    program: PROGRAM_PATH,
    sudoUser: sudoUser(environment["SUDO_UID"]),
    signal: interruptSignal(),
  };
}

interface WorldSettings {
  namespace: Namespace;
  /** As given; `default` is none. */
  caFile?: string | undefined;
}

function sudoUser(text = ""): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/**
 * The directory in which the agent persists its id: upstream's choice, `$TMPDIR`, else `/tmp` (updater-core §3.1). Under
 * `--root` the variable is of another machine than the agent.
 */
export function temporaryDirectory({ environment, hostRoot }: Pick<CommandInput, "environment" | "hostRoot">): string {
  return (hostRoot === "/" && environment["TMPDIR"]) || "/tmp";
}

/** A path of this machine: what was given is one, what is configured is a path of the host. */
async function trustedCaFile(
  files: Files,
  namespace: Namespace,
  given: string | undefined,
): Promise<string | undefined> {
  if (given === CLEAR) return undefined;
  const [{ readOptions }, { placeOfGiven }] = await Promise.all([
    import("../settings/options.ts"),
    import("../update/plan-options.ts"),
  ]);
  if (given !== undefined) return placeOfGiven(files, given);
  const { caFile } = readOptions(files, namespace);
  return caFile === undefined ? undefined : files.realFollowed(caFile);
}

/** A network that is set up at its first request: commands that ask nobody need neither its code nor its settings. */
function deferredHttp(open: () => Promise<Http>): Http {
  let opened: Promise<Http> | undefined;
  return {
    async get(url, options) {
      opened ??= open();
      return (await opened).get(url, options);
    },
  };
}
