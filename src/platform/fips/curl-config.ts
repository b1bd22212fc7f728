import { UpdateError } from "../errors.ts";

/** One line of a configuration: an option as curl names it on its command line without the dashes, and its value if it has one. */
export type CurlOption = readonly [name: string, value?: string];

/**
 * The text of a configuration that `curl --config` reads. A value never becomes a second option: one with a control
 * character is refused with `E_NETWORK`, as no URL, header or password of HTTP has any.
 */
export function formatCurlConfig(options: readonly CurlOption[]): string {
  return options
    .map(([name, value]) => (value === undefined ? `${name}\n` : `${name} = ${quoted(name, value)}\n`))
    .join("");
}

/** A header as curl takes it; of an empty one, `Name:` would mean that curl leaves out its own. */
export function headerOption(name: string, value: string): CurlOption {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw unusable("name of a header");
  return ["header", value.trim() === "" ? `${name};` : `${name}: ${value}`];
}

function quoted(name: string, value: string): string {
  if (/\p{Cc}/u.test(value)) throw unusable(`value of \`${name}\``);
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** What it is stays unsaid: it may be a secret. */
function unusable(what: string): UpdateError {
  return new UpdateError("E_NETWORK", `cannot ask a server: the ${what} holds a character that cannot be sent`, {
    hint: "look for it in the address, and in the files of credentials for this place",
  });
}
