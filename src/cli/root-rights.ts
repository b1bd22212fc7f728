import { UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";

/** The mask that the files of an installation need: readable by the agents, writable by root only (updater-core §1.3). */
const REQUIRED_UMASK = 0o022;

/** Refuses to change this host for anyone but root; a host under `--root DIR` needs no more than the rights to DIR. */
export function requireRoot(effectiveUser: number | undefined, hostRoot: string, command: string): void {
  if (effectiveUser === 0 || hostRoot !== "/") return;
  throw new UpdateError("E_NOT_ROOT", `\`${command}\` must be run as root`, {
    hint: "run the same command with `sudo`",
  });
}

/** Warns when the umask that we replace by 0022 would have taken away more (updater-core §7.1). */
export function warnOfUmask(previous: number, log: Log): void {
  if ((previous & ~REQUIRED_UMASK) === 0) return;
  const umask = previous.toString(8).padStart(4, "0");
  log.warn("Restrictive umask detected and replaced for this run.", { umask, replacement: "0022" });
  log.warn("Files and directories made by this run follow umask 0022, whatever umask is detected.");
}

/** Sets the umask that the contract asks for, and warns as `warnOfUmask` does. */
export function setRequiredUmask(log: Log): void {
  warnOfUmask(process.umask(REQUIRED_UMASK), log);
}
