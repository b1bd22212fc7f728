import { planKeptProxies } from "../host/kept-proxies.ts";
import { warn } from "../host/notices.ts";
import type { TimerFacts } from "../host/timer-facts.ts";
import type { UnitInputs } from "../host/unit-files.ts";
import { lacksProxy } from "../host/unit-proxy.ts";
import type { Change } from "../platform/change.ts";
import { describeProxy, firstProxy, type ProxyEnvironment } from "../platform/connect-proxy.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { CLEAR } from "../settings/clear-word.ts";
import { formatKeptProxies, readKeptProxies } from "../settings/kept-proxies.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";
import { tell } from "./apply-setup.ts";

/** What a command was started with, and what it says about keeping it. */
export interface StartedWith {
  command: "enable" | "pin";
  namespace: Namespace;
  proxies: ProxyEnvironment;
  /** Sudo started it, which drops variables. */
  viaSudo: boolean;
  /** Undefined leaves what is kept as it is. */
  keepProxies: boolean | undefined;
}

/** The proxies to keep, or none any more; undefined leaves what is kept as it is. */
export type GivenProxies = ProxyEnvironment | typeof CLEAR | undefined;

/**
 * What is to be kept for the timer. To be asked before anything is changed: fails with `E_NO_PROXY_ENV` when there is
 * nothing to keep, and with `E_CONNECT_PROXY` when what there is cannot be used.
 */
export function proxiesToKeep(started: StartedWith): GivenProxies {
  const { keepProxies, proxies } = started;
  if (keepProxies === undefined) return undefined;
  if (!keepProxies) return CLEAR;
  if (firstProxy(proxies) === undefined) throw nothingToKeep(started);
  // For its refusals only: later they would come after the download.
  formatKeptProxies(proxies, "ours");
  return proxies;
}

/** The changes that make the timer's environment what is given, or what is kept. Fails as `readKeptProxies` does. */
export function planGivenProxies(
  files: Files,
  inputs: UnitInputs & { systemd: TimerFacts },
  given: GivenProxies,
  handOver: boolean,
): Change[] {
  const proxies = given === undefined ? readKeptProxies(files, inputs.namespace) : given;
  const timerRuns = handOver ? "another" : "ours";
  return planKeptProxies(files, { ...inputs, timerRuns }, proxies === CLEAR ? undefined : proxies);
}

/** Warns after a success that came through a proxy of which the timer knows nothing. */
export function warnOfUnkeptProxy({ files, log }: World, started: StartedWith, target: Revision): void {
  if (started.proxies.httpsProxy === "" || !lacksProxy(files, started.namespace)) return;
  // A bare `pin` would move the host to the cluster's version.
  const words = started.command === "pin" ? ["pin", "--force-version", target.version] : ["enable"];
  tell(log, [
    warn("The timer does not know the CONNECT proxy that this command was started with, and may not get through.", {
      command: repeatedCommand(started, words),
    }),
  ]);
}

/** The kept proxy for `status`, without its password; undefined when nothing is kept. Never fails for want of rights. */
export function describeKeptProxy(files: Files, namespace: Namespace): string | undefined {
  try {
    const kept = readKeptProxies(files, namespace);
    const proxy = kept && firstProxy(kept);
    return proxy && describeProxy(proxy);
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    return `kept, but not shown: ${error.message}`;
  }
}

function nothingToKeep(started: StartedWith): UpdateError {
  const command = keepingCommand(started, [started.command]);
  const { viaSudo } = started;
  const [sudo, reason] = viaSudo ? ["sudo ", ", and sudo drops them unless it is told to keep them"] : ["", ""];
  const direct = `${sudo}HTTPS_PROXY=http://proxy.example.com:3128 ${updaterCommand(started, [started.command])}`;
  return new UpdateError("E_NO_PROXY_ENV", `neither \`HTTPS_PROXY\` nor \`HTTP_PROXY\` is set${reason}`, {
    hint: viaSudo ? `run \`${command}\`, or \`${direct}\`` : `run \`${direct}\``,
  });
}

/** Names the variables that have to be set once more, and none of their values, as a proxy's may hold a password. */
function repeatedCommand(started: StartedWith, words: readonly string[]): string {
  const { httpsProxy, httpProxy, noProxy } = started.proxies;
  const variables = [
    ...(httpsProxy === "" ? [] : ["HTTPS_PROXY=ADDRESS"]),
    ...(httpProxy === "" ? [] : ["HTTP_PROXY=ADDRESS"]),
    ...(noProxy === "" ? [] : ["NO_PROXY=HOSTS"]),
  ];
  return [...(started.viaSudo ? ["sudo"] : []), ...variables, updaterCommand(started, words)].join(" ");
}

function keepingCommand(started: StartedWith, words: readonly string[]): string {
  const sudo = started.viaSudo ? "sudo --preserve-env=HTTPS_PROXY,NO_PROXY " : "";
  return `${sudo}${updaterCommand(started, words)}`;
}

function updaterCommand({ namespace }: StartedWith, words: readonly string[]): string {
  const suffix = namespace.isDefault ? [] : ["--install-suffix", namespace.suffix];
  return ["teleport-update", ...words, ...suffix, "--proxy-env"].join(" ");
}
