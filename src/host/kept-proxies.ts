import type { Change } from "../platform/change.ts";
import type { ProxyEnvironment } from "../platform/connect-proxy.ts";
import type { Files } from "../platform/files.ts";
import { formatKeptProxies, type TimerRuns } from "../settings/kept-proxies.ts";
import { fileRemoval, privateFileChanges } from "./file-changes.ts";
import type { TimerFacts } from "./timer-facts.ts";
import type { UnitInputs } from "./unit-files.ts";
import { planProxyDropIn, planProxyDropInRemoval } from "./updater-drop-in.ts";

interface KeptProxies extends UnitInputs {
  systemd: TimerFacts;
  timerRuns: TimerRuns;
}

/**
 * Gives these proxies to the updater that the timer starts: the file first, then the drop-in that names it; or takes both
 * away when there are none. What is right already needs no change. Fails as `formatKeptProxies` and `fileImage` do.
 */
export function planKeptProxies(files: Files, inputs: KeptProxies, proxies: ProxyEnvironment | undefined): Change[] {
  const { namespace, systemd, timerRuns } = inputs;
  if (proxies === undefined) {
    return [...planProxyDropInRemoval(files, namespace, systemd), ...fileRemoval(files, namespace.proxyEnvironment)];
  }
  const text = formatKeptProxies(proxies, timerRuns);
  return [...privateFileChanges(files, namespace.proxyEnvironment, text), ...planProxyDropIn(files, inputs)];
}
