import { resolve } from "node:path";
import { quoted, usageError } from "./flag-words.ts";

/** The absolute path that a `--from` names: a path, or a `file://` URL of one. Fails with `E_USAGE`. */
export function pathOfPlace(given: string): string {
  if (/^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(given))
    throw usageError(
      `flag \`--from\` takes a path of this machine, not ${quoted(given)}; name the place of a mirror with \`--base-url URL\``,
    );
  const path = /^file:\/\//i.test(given) ? pathOfUrl(given) : resolve(given);
  if (path !== undefined && !path.includes("\0")) return path;
  throw usageError(`flag \`--from\` must be a path or a URL like \`file:///media/stick\`, not ${quoted(given)}`);
}

/** Undefined for a URL of another machine, and for one that cannot be decoded. */
function pathOfUrl(url: string): string | undefined {
  try {
    const { host, pathname } = new URL(url);
    return host === "" ? decodeURIComponent(pathname) : undefined;
  } catch {
    return undefined;
  }
}
