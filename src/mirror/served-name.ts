import { INDEX_FILE, isMirrorName } from "./index-file.ts";

/**
 * The file that a request is for: a name directly below `prefix` (empty, or `/path` without a slash at its end). Undefined
 * for all else, as folders, hidden files and ways out of the tree are no names: an answer never needs to look at the disk
 * to refuse them. A query is ignored.
 */
export function servedName(target: string, prefix: string): string | undefined {
  const path = /^[^?#]*/.exec(target)?.[0] ?? "";
  if (!path.startsWith(`${prefix}/`)) return undefined;
  const name = decoded(path.slice(prefix.length + 1));
  return name !== undefined && (name === INDEX_FILE || isMirrorName(name)) ? name : undefined;
}

/** Some clients write `+` as `%2B`. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
