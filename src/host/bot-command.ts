/** How a unit starts a bot, as far as its own words tell. */
export interface BotCommand {
  /** What follows `-c` or `--config`. */
  config: string | undefined;
  /** The directory that it is told to keep its identity in. */
  storage: string | undefined;
}

/**
 * The `tbot start` commands in the text of a unit. Quotes are dropped and words split at blanks, also inside
 * `/bin/sh -c "…"`: a path with blanks in it is not recognised, which costs a warning and nothing else.
 */
export function botCommands(unit: string): BotCommand[] {
  return commandLines(unit).flatMap((line) => {
    const words = line.replaceAll(/["']/g, "").trim().split(/\s+/);
    const program = words.findIndex((word) => /^[-@:+!|]*(\S*\/)?tbot$/.test(word));
    if (program < 0 || !words.includes("start", program)) return [];
    const flags = words.slice(program + 1);
    return [{ config: flagValue(flags, ["-c", "--config"]), storage: storageOf(flags) }];
  });
}

/** The values of `ExecStart=`; a backslash at the end of a line joins the next one. */
function commandLines(unit: string): string[] {
  return unit
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .flatMap((line) => /^\s*ExecStart\s*=(.*)$/.exec(line)?.[1] ?? []);
}

function storageOf(flags: readonly string[]): string | undefined {
  const given = flagValue(flags, ["--storage", "--data-dir"])?.replace(/^file:\/\//, "");
  return given?.startsWith("/") ? given : undefined;
}

/** The value of a flag, as the next word or behind `=`; the last one counts. */
function flagValue(words: readonly string[], names: readonly string[]): string | undefined {
  const values = words.flatMap((word, at) => {
    if (names.includes(word)) return words[at + 1] ?? [];
    const name = names.find((candidate) => word.startsWith(`${candidate}=`));
    return name === undefined ? [] : word.slice(name.length + 1);
  });
  return values.at(-1);
}
