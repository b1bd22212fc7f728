import { UpdateError } from "../platform/errors.ts";

/**
 * A value in double quotes, as units take it: `"` and `\` are escaped (installer-systemd §3.1), and `%` is doubled,
 * because systemd would expand it. Fails with `E_UNIT` on a control character, which no quoting can carry.
 */
export function quoted(value: string): string {
  refuseControlCharacters(value);
  return `"${value.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
}

/** One word of a command line: as it is where that is safe, in quotes otherwise. Fails with `E_UNIT` as `quoted` does. */
export function word(value: string): string {
  return /^[\w@+=:,./-]+$/.test(value) ? value : quoted(value);
}

/** A newline in a path would start a new directive of the unit, which runs as root. */
function refuseControlCharacters(value: string): void {
  if (!/\p{Cc}/u.test(value)) return;
  throw new UpdateError("E_UNIT", `no unit can hold the path ${JSON.stringify(value)}: it has a control character`, {
    hint: "choose another directory with `--path` or `--install-dir`, or correct `data_dir` in `teleport.yaml`",
  });
}
