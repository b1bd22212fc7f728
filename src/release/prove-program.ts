import { basename } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import type { Architecture } from "./address.ts";
import { type Elf, readElf } from "./elf.ts";
import { BadElf } from "./elf-format.ts";
import { isNewerGlibc } from "./glibc.ts";
import { hasSystem } from "./host-architecture.ts";
import { withRandomAccess } from "./random-access.ts";

/** What a program must fit. */
export interface HostTraits {
  architecture: Architecture;
  /** `2.36`; undefined when unknown, and then not looked at. */
  glibc: string | undefined;
}

const VERSION_LIMIT_MS = 10_000;
/** A version is a line or two; a program that prints more has not earned a place in the journal. */
const LINES_TOLD = 20;
const BITS: Record<Architecture, 32 | 64> = { amd64: 64, arm64: 64, "386": 32, arm: 32 };

/**
 * Shows that the program at `path` can run here, before anything links to it: by its headers, then by running its `version`
 * (installer-systemd §2.2, step 5), which is left out under `--root`. To be called on proven files only. Fails with
 * `E_PROGRAM`. A program that runs but knows no `version` is fine. Answers what it printed; nothing when it was not run.
 */
export async function proveProgram(
  world: Pick<World, "files" | "processes" | "log" | "signal">,
  path: string,
  host: HostTraits,
  limitMs = VERSION_LIMIT_MS,
): Promise<string> {
  const { files, log } = world;
  checkHeaders({ files, path }, { ...host, files });
  if (host.glibc === undefined)
    log.debug("The glibc of the host is unknown, so the needs of programs are not compared.", { path });
  if (files.root === "/") return runVersion(world, path, limitMs);
  log.debug("A program of another root is not run.", { path });
  return "";
}

/** A program whose headers are looked at. */
interface Inspected {
  files: Files;
  path: string;
  /** What to do about a damaged one, or one for another processor; absent for one that came in the archive of a release. */
  remedy?: string;
}

/**
 * Shows by its headers alone that a program fits a host, which need not be where the program lies now. Answers false, and
 * looks no further, for a file of another kind. Fails with `E_PROGRAM`.
 */
export function checkHeaders(program: Inspected, host: HostTraits & { files: Files }): boolean {
  const elf = inspect(program);
  if (elf === undefined) return false;
  checkFit(program, elf, host);
  return true;
}

function inspect({ files, path, remedy }: Inspected): Elf | undefined {
  try {
    return withRandomAccess(files, path, readElf);
  } catch (error) {
    if (!(error instanceof BadElf)) throw error;
    throw new UpdateError("E_PROGRAM", `\`${path}\` is no whole program: ${error.message}`, {
      hint: remedy ?? "the release is damaged: run the command again, and check the mirror if it fails the same way",
      cause: error,
    });
  }
}

function checkFit({ path, remedy }: Inspected, elf: Elf, host: HostTraits & { files: Files }): void {
  const { bits, machine, interpreter, neededGlibc } = elf;
  if (machine !== host.architecture || bits !== BITS[host.architecture]) {
    throw new UpdateError(
      "E_PROGRAM",
      `\`${path}\` is for ${bits}-bit ${machine}, and this host is ${host.architecture}`,
      {
        hint: remedy ?? "the archive holds programs for another processor: check the mirror that it comes from",
      },
    );
  }
  if (host.glibc !== undefined && neededGlibc !== undefined && isNewerGlibc(neededGlibc, host.glibc)) {
    throw new UpdateError("E_PROGRAM", `\`${path}\` needs glibc ${neededGlibc}, host has ${host.glibc}`, {
      hint: "update the operating system of this host, or keep its group at a release that supports it",
    });
  }
  if (interpreter !== undefined && host.files.statFollowed(interpreter) === undefined && hasSystem(host.files)) {
    throw new UpdateError("E_PROGRAM", `\`${path}\` needs the loader \`${interpreter}\`, which this host lacks`, {
      hint: "releases are made for systems with glibc; one with musl, such as Alpine, cannot run them",
    });
  }
}

async function runVersion(
  { processes, log, signal }: Pick<World, "processes" | "log" | "signal">,
  path: string,
  limitMs: number,
): Promise<string> {
  const program = basename(path);
  let lines = 0;
  const { exitCode, failure, timedOut, stdout } = await processes.run([path, "version"], {
    timeoutMs: limitMs,
    signal,
    onLine(line, from) {
      lines += 1;
      if (lines <= LINES_TOLD) log[from === "stdout" ? "info" : "debug"](line, { program });
    },
  });
  if (signal.aborted) throw new UpdateError("E_CANCELED", `interrupted while running \`${path} version\``);
  if (exitCode >= 0 && failure === undefined) {
    if (exitCode > 0) log.info("The program does not support the version command.", { path, exit: exitCode });
    return stdout;
  }
  const reason = timedOut ? `it did not end within ${limitMs / 1000} s` : (failure ?? "it did not start");
  throw new UpdateError("E_PROGRAM", `cannot run \`${path} version\`: ${reason}`, {
    hint: `run \`${path} version\` by hand; a file system mounted with \`noexec\`, a mandatory access rule, or a damaged release would look like this`,
  });
}
