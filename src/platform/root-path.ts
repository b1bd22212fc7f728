import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { UpdateError } from "./errors.ts";

const MAX_LINKS = 40;

/**
 * Resolves `path` inside `root` as a process in a chroot would see it: component by component, `..` stops at the root,
 * and an absolute symlink starts at the root again. With `parents` the last name is kept as it is, with `all` it is
 * followed too. Missing components are kept by name. Fails with `E_PATH` after 40 links.
 */
export function resolveInRoot(root: string, path: string, follow: "parents" | "all"): string {
  const pending = names(path);
  const resolved: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const name = pending.shift() as string;
    if (name === "..") {
      resolved.pop();
      continue;
    }
    const isLast = pending.length === 0;
    const target = isLast && follow === "parents" ? undefined : linkTarget(join(root, ...resolved, name));
    if (target === undefined) {
      resolved.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new UpdateError("E_PATH", `\`${path}\` under \`${root}\` goes through too many links`);
    if (target.startsWith("/")) resolved.length = 0;
    pending.unshift(...names(target));
  }
  return join(root, ...resolved);
}

/** The path of the host of what lies at a path that `resolveInRoot` answered. */
export function insideRoot(root: string, resolved: string): string {
  return join("/", resolved.slice(root === "/" ? 0 : root.length));
}

function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function linkTarget(at: string): string | undefined {
  return lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(at) : undefined;
}
