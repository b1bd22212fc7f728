import type { UnitState } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";

/** `not-available`: this systemd is too old to tell (installer-systemd §4.9). */
export type Presence = "present" | "absent" | "not-available";

/**
 * What we ask of systemd, with the argv of installer-systemd §4.2. A unit is named by its file name. Everything but
 * `isRunning` fails with `E_SYSTEMD`, and for a host behind `--root` with `E_INTERNAL`. Never interrupted and without a time limit of ours: roll back must get through
 * after a signal, a restart may take as long as the unit's own stop timeout, and `systemctl` gives up on a silent
 * manager by itself.
 */
export interface Systemd {
  /** False on a host without systemd, and for every host that is seen through `--root` (§4.1). */
  isRunning(): boolean;
  /** 252, say. */
  version(): Promise<number>;
  isActive(unit: string): Promise<boolean>;
  /** systemd's word for it: `active`, `activating` (also while it waits to restart a crashed one), `failed`, … */
  activeState(unit: string): Promise<string>;
  isEnabled(unit: string): Promise<boolean>;
  isPresent(unit: string): Promise<Presence>;
  /** Enabled and active at once. */
  state(unit: string): Promise<UnitState>;
  /** True while the host shuts down: systemd refuses jobs then. False when it cannot tell. */
  isStopping(): Promise<boolean>;
  daemonReload(): Promise<void>;
  enable(unit: string, now: boolean): Promise<void>;
  disable(unit: string, now: boolean): Promise<void>;
  /** False when the unit could not be reloaded, so that a restart is due. */
  reload(unit: string): Promise<boolean>;
  /** Restarts the unit if it runs. */
  tryRestart(unit: string): Promise<void>;
  /** Starts the unit, also one that crashed so often that systemd gave it up. */
  startAfresh(unit: string): Promise<void>;
}

type Level = "debug" | "info" | "error";

/** From this one on, the exit code of `list-unit-files` tells whether a unit is there (§4.9; stated nowhere for certain). */
const FIRST_VERSION_THAT_TELLS = 246;

export function systemd({ files, processes, log }: Pick<World, "files" | "processes" | "log">): Systemd {
  /** Runs `systemctl`, and answers its exit code; it fails only when the program could not do its work at all. */
  const call = async (level: Level, args: readonly string[]) => {
    // A slip elsewhere must not switch the services of the machine that an image is made on.
    if (files.root !== "/")
      throw new UpdateError("E_INTERNAL", `\`systemctl ${args.join(" ")}\` asked behind \`--root\``);
    const program = processes.find("systemctl");
    if (program === undefined) {
      throw new UpdateError("E_SYSTEMD", "the program `systemctl` was not found on this host", {
        hint: "install the package `systemd`",
      });
    }
    const result = await processes.run([program, ...args], {
      onLine: (line, from) => log[from === "stdout" ? "debug" : level](`[${from}] ${line}`),
    });
    if (result.exitCode < 0) {
      throw new UpdateError("E_SYSTEMD", `\`systemctl ${args.join(" ")}\` could not be run: ${result.failure}`, {
        hint: "run it by hand to see what is wrong",
      });
    }
    return result;
  };
  const query = async (...args: string[]) => (await call("debug", args)).exitCode === 0;
  const request = async (level: Level, args: readonly string[], unit?: string) => {
    const { exitCode } = await call(level, args);
    if (exitCode !== 0) throw refused(args, exitCode, unit);
  };
  const version = async () => {
    const { stdout } = await call("debug", ["--version"]);
    const digits = /^systemd (\d+)/.exec(stdout)?.[1];
    if (digits === undefined) throw new UpdateError("E_SYSTEMD", "`systemctl --version` does not tell a version");
    return Number(digits);
  };
  const isActive = (unit: string) => query("is-active", "--quiet", unit);
  const isEnabled = (unit: string) => query("is-enabled", "--quiet", unit);
  return {
    isRunning: () => files.root === "/" && files.statFollowed("/run/systemd/system") !== undefined,
    version,
    isActive,
    activeState: async (unit) => (await call("debug", ["is-active", unit])).stdout.trim(),
    isEnabled,
    async isPresent(unit) {
      if ((await version()) < FIRST_VERSION_THAT_TELLS) return "not-available";
      return (await query("list-unit-files", "--quiet", unit)) ? "present" : "absent";
    },
    state: async (unit) => ({ enabled: await isEnabled(unit), active: await isActive(unit) }),
    async isStopping() {
      try {
        return (await call("debug", ["is-system-running"])).stdout.trim() === "stopping";
      } catch {
        return false;
      }
    },
    daemonReload: () => request("error", ["daemon-reload"]),
    enable: (unit, now) => request("info", ["enable", unit, ...(now ? ["--now"] : [])], unit),
    disable: (unit, now) => request("info", ["disable", unit, ...(now ? ["--now"] : [])], unit),
    reload: async (unit) => (await call("error", ["reload", unit])).exitCode === 0,
    tryRestart: (unit) => request("error", ["try-restart", unit], unit),
    async startAfresh(unit) {
      await call("debug", ["reset-failed", unit]);
      await request("error", ["restart", unit], unit);
    },
  };
}

function refused(args: readonly string[], exitCode: number, unit: string | undefined): UpdateError {
  return new UpdateError("E_SYSTEMD", `\`systemctl ${args.join(" ")}\` failed with exit code ${exitCode}`, {
    hint:
      unit === undefined
        ? "read `journalctl -b -t systemd` for what systemd has against its units"
        : `read \`systemctl status ${unit}\` and \`journalctl -u ${unit}\``,
  });
}
