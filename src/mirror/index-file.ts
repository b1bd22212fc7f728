import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";

/**
 * What a mirror knows of its files: `index.json` at the top of the tree. The tree is for any web server, and every reader of
 * upstream's naming gets along without this file; only what it names was made by us, and may be pruned by us.
 */
export interface MirrorIndex {
  kind: "teleport_mirror";
  version: "v1";
  /** RFC 3339, UTC. */
  written: string;
  /** By file name; every one lies directly in the tree. */
  files: Record<string, MirrorFile>;
}

export interface MirrorFile {
  /** Lower-case hex. */
  sha256: string;
  bytes: number;
  /** What it belongs to, as `18.4.1` or `18.4.1+Enterprise+FIPS`; absent for what is of the mirror itself. */
  release?: string;
  /** Where it came from, and by what it was believed there; absent for what was made here (`.sig` of the site, checksums). */
  origin?: { place: string; proof: string; key?: string; fetched: string };
}

export const INDEX_FILE = "index.json";
export const INDEX_LIMIT = 16 << 20;

/** Reads the index of the tree at `directory`; undefined when there is none. Fails with `E_MIRROR`. */
export function readIndex(files: Files, path: string): MirrorIndex | undefined {
  const text = files.readText(path, INDEX_LIMIT);
  return text === undefined ? undefined : parseIndex(text, path);
}

/** Reads the text of an index, which came from `place`. Fails with `E_MIRROR`. */
export function parseIndex(text: string, place: string): MirrorIndex {
  const value = parse(text);
  if (isIndex(value)) return value;
  throw new UpdateError("E_MIRROR", `\`${place}\` is no index of a mirror, or of a newer release: ${quote(text, 60)}`, {
    hint: "name the folder that `mirror build` made, or an empty one",
  });
}

/** The text of an index, in a stable order. */
export function formatIndex(index: MirrorIndex): string {
  const sorted = Object.entries(index.files).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ ...index, files: Object.fromEntries(sorted) }, undefined, 1)}\n`;
}

/** A name that may lie in a tree: plain, and no file of another program (a dot in front). */
export function isMirrorName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,200}$/.test(name) && name !== INDEX_FILE;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isIndex(value: unknown): value is MirrorIndex {
  if (!isObject(value) || value["kind"] !== "teleport_mirror" || value["version"] !== "v1") return false;
  const { files } = value;
  return isObject(files) && Object.entries(files).every(([name, file]) => isMirrorName(name) && isFile(file));
}

function isFile(value: unknown): boolean {
  return (
    isObject(value) &&
    /^[0-9a-f]{64}$/.test(String(value["sha256"])) &&
    Number.isSafeInteger(value["bytes"]) &&
    Number(value["bytes"]) >= 0
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
