import type { BootedHost } from "../../support/booted-host.ts";
import { eventually } from "./eventually.ts";

/** A run of `update` as the timer starts it: through the updater's unit, from its link. */
export interface TimerRun {
  /** Of the updater itself. */
  exitCode: number;
  /** How the unit sees it: `success`, `exit-code`, `timeout`, … */
  result: string;
  /** The updater's own lines: `INFO The version is pinned, skipping the update. target_version:18.2.0`. */
  log: string[];
  /** Of the error that ended the run. */
  code: string | undefined;
}

/** A run that still goes on. */
export interface RunningUpdate {
  ended: Promise<TimerRun>;
  /** Waits until the updater has written a line with `text`; fails when it ends before. */
  logged(text: string): Promise<void>;
}

export const UPDATER_UNIT = "teleport-update.service";

/** Keeps the timer itself from starting a run in the middle of a test. */
export function timerHeldBack(timer = "teleport-update.timer"): Record<string, string> {
  return { [`/etc/systemd/system/${timer}.d/held-back.conf`]: "[Timer]\nOnActiveSec=\nOnActiveSec=1d\n" };
}

/** Starts the updater's unit and waits for its end. */
export async function runTimer(host: BootedHost, unit = UPDATER_UNIT): Promise<TimerRun> {
  return (await startTimerRun(host, unit)).ended;
}

/** Starts the updater's unit. */
export async function startTimerRun(host: BootedHost, unit = UPDATER_UNIT): Promise<RunningUpdate> {
  const { stdout } = await host.exec(["journalctl", "--quiet", "--lines=0", "--show-cursor"]);
  const cursor = /^-- cursor: (.*)$/m.exec(stdout)?.[1];
  if (cursor === undefined) throw new Error(`the journal of the host gives no cursor: ${stdout}`);
  const readLog = async () => {
    await host.exec(["journalctl", "--sync"]);
    const argv = ["journalctl", "--quiet", "--output=cat", `--unit=${unit}`, `--after-cursor=${cursor}`];
    return updaterLines((await host.exec(argv)).stdout);
  };

  // A day of runs of the timer goes into a few seconds here.
  await host.exec(["systemctl", "reset-failed", unit]);
  let hasEnded = false;
  const ended = host.exec(["systemctl", "start", unit]).then(async () => {
    const { Result = "", ExecMainStatus } = await eventually(`${unit} has ended`, async () => {
      const show = ["systemctl", "show", "--property=ActiveState,Result,ExecMainStatus", unit];
      const shown = properties((await host.exec(show)).stdout);
      // One that is stopped still runs when its start is given up.
      return !["activating", "deactivating"].includes(shown["ActiveState"] ?? "") && shown;
    });
    hasEnded = true;
    const log = await readLog();
    return { exitCode: Number(ExecMainStatus), result: Result, log, code: codeIn(log) };
  });
  return {
    ended,
    logged: async (text) => {
      await eventually(`the updater says "${text}"`, async () => {
        if ((await readLog()).some((line) => line.includes(text))) return true;
        if (hasEnded) throw new Error(`the updater never said "${text}":\n${(await ended).log.join("\n")}`);
        return false;
      });
    },
  };
}

function updaterLines(journal: string): string[] {
  return [...journal.matchAll(/^\S+ ([A-Z]+) +\[UPDATER\] +(.*)$/gm)].map(([, level, rest]) => `${level} ${rest}`);
}

function codeIn(log: readonly string[]): string | undefined {
  return log.map((line) => / code:(E_\w+)/.exec(line)?.[1]).findLast((code) => code !== undefined);
}

function properties(shown: string): Record<string, string> {
  return Object.fromEntries(
    shown
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/=(.*)/s, 2)),
  );
}
