import type { CommandMeta } from "citty";
import type { Log } from "../platform/log.ts";
import type { FlagTable, GLOBAL_FLAGS, Values } from "./flags.ts";

/** A program as data: what its reader accepts, what its help says, and where the bodies of its commands are. */
export interface Program {
  name: string;
  description: string;
  /** In the order of the help. */
  commands: readonly Command[];
}

/** One command: citty's `meta` and `args`, the root rule, and a body that is loaded only when the command runs. */
export interface Command<Flags extends FlagTable = FlagTable> {
  meta: CommandMeta & { name: string; description: string };
  args: Flags;
  /** Paragraphs of its help behind the flags. */
  notes?: readonly string[];
  /** The global flags that have an effect here, where not all of them have; the others are left out of its help. */
  globals?: readonly (keyof typeof GLOBAL_FLAGS)[];
  /** Refused to anyone but root, and run with umask 0022 (updater-core §1.3). */
  needsRoot: boolean;
  load(): Promise<CommandBody<Flags>>;
}

/** What the file of a command exports. */
export interface CommandBody<Flags extends FlagTable> {
  /** Does the work and answers the exit code; every failure is thrown. */
  run(input: CommandInput<Flags>): Promise<number>;
}

/** What a command gets: its values, where each came from, and what every command needs. */
export interface CommandInput<Flags extends FlagTable = Record<never, never>> {
  values: Values<typeof GLOBAL_FLAGS> & Values<Flags>;
  sources: Record<keyof typeof GLOBAL_FLAGS | keyof Flags, Source>;
  /** The variables that the tool reads, as they were at the start. */
  environment: EnvironmentValues;
  /** `/`, or the real path of the directory that `--root` names. */
  hostRoot: string;
  log: Log;
}

export type EnvironmentValues = Readonly<Record<string, string | undefined>>;

/** Which of its three possible places decided a value. */
export type Source = "command line" | "environment" | "default";
