import { join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { withRandomAccess } from "./random-access.ts";

const START_LENGTH = 512;

/**
 * The names of the programs in a release's `bin` that may be linked: regular, executable for all, and no shell script
 * (installer-systemd §2.2, steps 1 to 4). Everything else is left out with a warning, directories in silence. Fails with
 * `E_NO_PROGRAMS` when nothing is left.
 */
export function listPrograms(files: Files, binDirectory: string, log: Log): string[] {
  const programs = (files.list(binDirectory) ?? []).filter((name) => isProgram(files, join(binDirectory, name), log));
  if (programs.length > 0) return programs;
  throw new UpdateError("E_NO_PROGRAMS", `\`${binDirectory}\` holds no program that can be linked`, {
    hint: "the release is incomplete or of another system: check the version, and the mirror that it comes from",
  });
}

function isProgram(files: Files, path: string, log: Log): boolean {
  const stat = files.stat(path);
  if (stat === undefined || stat.kind === "directory") return false;
  const fault = faultOf(files, path, stat.kind === "file", stat.mode);
  if (fault !== undefined) log.warn(`Not linking ${fault}.`, { path });
  return fault === undefined;
}

function faultOf(files: Files, path: string, isFile: boolean, mode: number): string | undefined {
  if (!isFile) return "an irregular file";
  if ((mode & 0o111) !== 0o111) return "a non-executable file";
  const start = withRandomAccess(files, path, (file) => file.read(0, START_LENGTH));
  return isShellScript(start) ? "an unexpected shell script" : undefined;
}

/** `#!` in front, perhaps after white space, and no byte that text does not have. */
function isShellScript(start: Buffer): boolean {
  const text = start.toString("latin1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the bytes that the contract calls binary
  return text.trimStart().startsWith("#!") && !/[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(text);
}
