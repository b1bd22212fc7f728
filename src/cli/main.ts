import { requireVariantHost } from "#variant/variant";
import { createLog } from "../platform/consola-log.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import { captureEnvironment, scrubEnvironment } from "../settings/environment.ts";
import { type Reading, readCommandLine } from "./arguments.ts";
import { reportFailure } from "./failure.ts";
import { hostRoot } from "./host-root.ts";
import { writeOutput, writeTalk } from "./output.ts";
import type { Program } from "./program.ts";
import { requireRoot, setRequiredUmask } from "./root-rights.ts";
import { rootedLog } from "./rooted-log.ts";
import { formatBadValue, formatUsage } from "./usage.ts";

const FAILED = 1;

/**
 * Runs the program with the arguments and the environment of this process, and ends it with the exit code of
 * updater-core §1.5: 0 done or nothing to do, 1 any failure, and what else a command defines.
 */
export async function main(program: Program): Promise<never> {
  const { values: environment, refused } = captureEnvironment(process.env);
  scrubEnvironment(process.env);
  const reading = readCommandLine(program, process.argv.slice(2), environment);
  switch (reading.kind) {
    case "help":
      return process.exit(showHelp(formatUsage(program, reading.topic)));
    case "refused":
      writeTalk(
        reading.fault === "words"
          ? `${formatUsage(program, reading.topic)}\nERROR: ${reading.reason}\n`
          : formatBadValue(program, reading.topic, { message: reading.reason }),
      );
      return process.exit(FAILED);
    case "run":
      return process.exit(await runCommand(program, reading, environment, refused));
  }
}

function showHelp(text: string): number {
  try {
    writeOutput(text);
    return 0;
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    writeTalk(`ERROR: ${error.message}\n`);
    return FAILED;
  }
}

async function runCommand(
  program: Program,
  { command, values, sources }: Reading & { kind: "run" },
  environment: Record<string, string>,
  refused: readonly string[],
): Promise<number> {
  let log = createLog({ format: values["log-format"], debug: values.debug, write: writeTalk });
  endOnDefects(log);
  let root = "/";
  try {
    if (refused.length > 0) {
      log.warn("Variables that could change what this program does are ignored.", { variables: refused.join(",") });
    }
    root = hostRoot(sources.root === "default" ? undefined : values.root);
    log = rootedLog(log, root);
    if (command.needsRoot) {
      requireRoot(process.geteuid?.(), root, `${program.name} ${command.meta.name}`);
      setRequiredUmask(log);
    }
    if (command.meta.name !== "version") await requireVariantHost();
    const body = await command.load();
    return await body.run({ values, sources, environment, hostRoot: root, log });
  } catch (error) {
    // A value that only the command can judge is answered as one that is refused before it.
    if (isUpdateError(error, "E_USAGE") && values["log-format"] === "text") {
      writeTalk(formatBadValue(program, command, error));
    } else reportFailure(log, error, root);
    return FAILED;
  }
}

/** An error that nobody awaited would let the program run on, or print a line of its code: report it and end. */
function endOnDefects(log: Log): void {
  const end = (error: unknown) => {
    reportFailure(log, error);
    process.exit(FAILED);
  };
  process.on("unhandledRejection", end);
  process.on("uncaughtException", end);
}
