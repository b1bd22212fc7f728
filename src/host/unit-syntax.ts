import { UpdateError } from "../platform/errors.ts";

/**
 * A value in double quotes, as units take it: `"` and `\` are escaped (installer-systemd §3.1), and `%` is doubled,
 * because systemd would expand it. Fails with `E_UNIT` on a control character, which no quoting can carry.
 */
export function quoted(value: string): string {
  refuseControlCharacters(value);
  return `"${literally(value.replaceAll(/["\\]/g, "\\$&"))}"`;
}

/** One word of a command line: as it is where that is safe, in quotes otherwise. Fails with `E_UNIT` as `quoted` does. */
export function word(value: string): string {
  return /^[\w@+=:,./-]+$/.test(value) ? value : quoted(value);
}

/**
 * The first word of a command line. Fails with `E_UNIT` on quotes and backslashes, which systemd takes in no path of a
 * program, however they are written: the unit would be there, and never start.
 */
export function programWord(path: string): string {
  if (!/["'\\]/.test(path)) return word(path);
  throw new UpdateError("E_UNIT", `no unit can start ${JSON.stringify(path)}: it has a quote or backslash`, {
    hint: "choose another directory with `--path` or `--install-dir`",
  });
}

/**
 * Any further word of a command line, from `word` or `quoted`, so that systemd expands no `$NAME` in it. The first word is
 * none of these: there a second `$` would be one.
 */
export function argument(text: string): string {
  return text.replaceAll("$", "$$$$");
}

/**
 * The path of one file where systemd takes a pattern to the end of the line (`EnvironmentFile=`), and no quotes. Fails
 * with `E_UNIT` as `quoted` does.
 */
export function filePattern(path: string): string {
  refuseControlCharacters(path);
  return literally(path.replaceAll(/[*?[\\]/g, "\\$&"));
}

function literally(text: string): string {
  return text.replaceAll("%", "%%");
}

/** A newline in a path would start a new directive of the unit, which runs as root. */
function refuseControlCharacters(value: string): void {
  if (!/\p{Cc}/u.test(value)) return;
  throw new UpdateError("E_UNIT", `no unit can hold the path ${JSON.stringify(value)}: it has a control character`, {
    hint: "choose another directory with `--path` or `--install-dir`, or correct `data_dir` in `teleport.yaml`",
  });
}
