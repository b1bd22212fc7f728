import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { offlineEnable, wantsLink } from "./enablement.ts";
import type { TimerFacts } from "./timer-facts.ts";

/**
 * The link by which the bot, too, pulls the updater's timer in. The contract has the agent alone want it
 * (installer-systemd §3.3), so on a host with nothing but a bot no reboot would start it again. Disabling the timer
 * removes this link with the others, whoever does that.
 */
export function botTimerLink({ updaterTimer, tbot }: Namespace): string {
  return wantsLink(updaterTimer, tbot.unit);
}

/** Places that link; systemd has to read its units afterwards. Nothing where systemd is not used at all. */
export function planBotTimer(files: Files, namespace: Namespace, facts: TimerFacts): Change[] {
  if (facts.kind === "absent") return [];
  const { updaterTimer, tbot } = namespace;
  const missing = offlineEnable(files, updaterTimer, tbot.unit);
  if (missing.length > 0 || facts.kind === "offline") return missing;
  if (!facts.timer.enabled || facts.timer.active) return [];
  // Stopping the timer again, when its start is undone, disables it for a moment, which takes this link along.
  return [{ kind: "link", path: botTimerLink(namespace), before: updaterTimer, after: updaterTimer }];
}

/** Removes that link by ourselves, so that the undo knows of it; before the timer is disabled. */
export function planBotTimerRemoval(files: Files, namespace: Namespace): Change[] {
  const path = botTimerLink(namespace);
  const before = files.readLink(path);
  return before === undefined ? [] : [{ kind: "link", path, before, after: null }];
}
