import type { BooleanArgDef, EnumArgDef, StringArgDef } from "citty";

/** What citty's argument data has no word for. */
interface Marks {
  /** The variable that is read when the flag is not on the command line (updater-core §1.1). */
  env?: string;
  /** Accepted, but left out of the help. */
  hidden?: boolean;
  /** Few need it: in the help it stands behind the others, in a section of its own. */
  special?: boolean;
  /** Given empty, it counts as not given, as upstream has it; any other flag with a value is refused then. */
  mayBeEmpty?: boolean;
  /** May stand more than once; its variable holds one value a line. */
  repeatable?: boolean;
}

/** One flag, as citty's argument data plus our marks; its long name is its key in the table. */
export type Flag = Marks &
  (
    | (BooleanArgDef & { type: "boolean" })
    | (StringArgDef & { type: "string" })
    | (EnumArgDef & { type: "enum"; options: string[] })
  );

export type FlagTable = Record<string, Flag>;

/** The values that a table of flags yields; a string that nobody gave is empty. */
export type Values<Flags extends FlagTable> = { [Name in keyof Flags]: ValueOf<Flags[Name]> };

type ValueOf<F extends Flag> = F extends { repeatable: true }
  ? string[]
  : F extends { type: "boolean" }
    ? boolean
    : F extends { type: "enum"; options: (infer Option)[] }
      ? Option
      : string;

/** Types a table by its literal content, so that `Values` knows each flag. */
export function defineFlags<const Flags extends FlagTable>(flags: Flags): Flags {
  return flags;
}

/** The flags that every command takes, before or after its name (updater-core §1.2; `--root` is ours). */
export const GLOBAL_FLAGS = defineFlags({
  help: { type: "boolean", alias: "h", description: "show this help" },
  debug: { type: "boolean", alias: "d", description: "log at debug level" },
  "log-format": {
    type: "enum",
    options: ["text", "json"],
    default: "text",
    valueHint: "FORMAT",
    description: "how log lines are written to stderr: text or json",
  },
  "install-suffix": {
    type: "string",
    alias: "i",
    env: "TELEPORT_INSTALL_SUFFIX",
    mayBeEmpty: true,
    valueHint: "NAME",
    description: "name of the installation, for more than one on a host",
  },
  "install-dir": {
    type: "string",
    env: "TELEPORT_INSTALL_DIR",
    mayBeEmpty: true,
    valueHint: "DIR",
    hidden: true,
    description: "directory that holds the installations",
  },
  insecure: { type: "boolean", description: "do not verify the certificates of the proxy and of the download server" },
  root: {
    type: "string",
    // Refused with a reason of its own.
    mayBeEmpty: true,
    valueHint: "DIR",
    description: "work on the host or image whose file system lies under DIR, and run nothing of it",
  },
});
