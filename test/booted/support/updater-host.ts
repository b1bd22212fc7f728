import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type BootedHost, bootHost, type HostOptions } from "../../support/booted-host.ts";
import type { ExecOptions } from "../../support/container.ts";
import { executablePath } from "../../support/executable.ts";
import { snapshot } from "../../support/tree.ts";

/** Where the compiled updater lies before it is enrolled: a place that every user may run it from. */
export const UPDATER = "/srv/teleport-update";

/** What a namespace gets as soon as its lock is taken (updater-core §3.2): all that a refused command leaves behind. */
export const LOCKED_NAMESPACE = [
  "/opt/teleport/ 755",
  "/opt/teleport/default/ 755",
  '/opt/teleport/default/update.lock 600 ""',
  "/opt/teleport/default/versions/ 755",
];

/** A booted host with the compiled updater, which trusts the authority of the test. */
export interface UpdaterHost extends BootedHost {
  /** Runs the updater as root. */
  updater(args: readonly string[], options?: ExecOptions): Promise<Outcome>;
  /** Fails, with all that the updater said, when it does. */
  succeed(args: readonly string[], options?: ExecOptions): Promise<Outcome>;
  /** The stdout of a program of the host, without the last newline. */
  ask(...argv: string[]): Promise<string>;
  /** Every file, link and directory that an enrolment may make or change, outside data directories: one line each. */
  footprint(): string[];
}

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** The updater's own lines, and those of children that log as it does. */
  log: LogLine[];
  /** Of the error that ended the run. */
  code: string | undefined;
}

export interface LogLine {
  level: string;
  message: string;
  [attribute: string]: unknown;
}

interface UpdaterHostOptions extends HostOptions {
  /** A compiled updater other than the one that is shipped. */
  executable?: string;
}

/** Boots a host, with the updater at `UPDATER` and `authority` in its store of certificate authorities. */
export async function bootUpdaterHost(
  authority: string,
  { executable, ...options }: UpdaterHostOptions = {},
): Promise<UpdaterHost> {
  const program = executable ?? (await executablePath());
  const host = await bootHost({
    ...options,
    files: { ...options.files, "/usr/local/share/ca-certificates/test.crt": authority },
    async beforeBoot(directory) {
      const place = join(directory, UPDATER);
      mkdirSync(dirname(place), { recursive: true });
      copyFileSync(program, place);
      await options.beforeBoot?.(directory);
    },
  });
  const { exitCode, stderr } = await host.exec(["update-ca-certificates"]);
  if (exitCode !== 0) throw new Error(`the host does not take the authority of the test:\n${stderr}`);

  const updater: UpdaterHost["updater"] = async (args, execOptions) => {
    const result = await host.exec([UPDATER, "--log-format=json", ...args], execOptions);
    return outcomeOf(result);
  };
  return {
    ...host,
    updater,
    async succeed(args, execOptions) {
      const outcome = await updater(args, execOptions);
      if (outcome.exitCode === 0) return outcome;
      throw new Error(`\`${args.join(" ")}\` ended with exit code ${outcome.exitCode}:\n${outcome.stderr}`);
    },
    ask: async (...argv) => (await host.exec(argv)).stdout.trimEnd(),
    footprint: () => footprintOf(host.directory),
  };
}

/** What a run of the updater with `--log-format=json` came to. */
export function outcomeOf(result: { exitCode: number; stdout: string; stderr: string }): Outcome {
  const log = result.stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): LogLine => JSON.parse(line));
  const failure = log.findLast(({ code }) => code !== undefined);
  return { ...result, log, code: failure === undefined ? undefined : String(failure["code"]) };
}

/** The messages of one level, in order. */
export function messages({ log }: Outcome, level: string): string[] {
  return log.filter((line) => line.level === level).map(({ message }) => message);
}

/** The lines of `after` that `before` has not. */
export function added(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((line) => !before.includes(line));
}

const FOOTPRINT = ["/etc/systemd", "/etc/needrestart", "/usr/lib/systemd/system", "/usr/local/bin", "/opt"];
/** The diary of the stand-in updater, which no real one keeps, and ours, which grows with every run. */
const DIARY = /\/(setup-calls|history)\.jsonl$/;

/** In `proof.json`: two runs accept a release at two times. */
const ACCEPTED = /\\"accepted\\": \\"[^"\\]*\\"/;

function footprintOf(directory: string): string[] {
  return FOOTPRINT.filter((folder) => existsSync(join(directory, folder))).flatMap((folder) =>
    snapshot(join(directory, folder), (path) => !DIARY.test(path)).map((line) =>
      `${folder}${line}`.replace(ACCEPTED, ""),
    ),
  );
}
