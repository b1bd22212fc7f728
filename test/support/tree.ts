import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** All that lies below `directory`, one line an entry: path, kind, mode, and content or target. For comparing before with after. */
export function snapshot(directory: string, isKept: (path: string) => boolean = () => true): string[] {
  const entries = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return entries.filter((path) => isKept(`/${path}`)).map((path) => describe(directory, path));
}

function describe(directory: string, path: string): string {
  const at = join(directory, path);
  const stats = lstatSync(at);
  if (stats.isSymbolicLink()) return `/${path} -> ${readlinkSync(at)}`;
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isDirectory()) return `/${path}/ ${mode}`;
  const content = stats.size < 4096 ? readFileSync(at, "utf8") : Bun.hash(readFileSync(at)).toString(16);
  return `/${path} ${mode} ${JSON.stringify(content)}`;
}
