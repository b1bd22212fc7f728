import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { releaseOf } from "./archive-names.ts";
import { boundedJson } from "./bounded-json.ts";

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
  /** What it belongs to by its name, as `18.4.1` or `18.4.1+Enterprise+FIPS`; absent for what is of the mirror itself. */
  release?: string;
  /** Where it came from, and by what it was believed there; absent for what was made here (`.sig` of the site, checksums). */
  origin?: { place: string; proof: string; key?: string; fetched: string };
}

export const INDEX_FILE = "index.json";
/** Of an index, and of the manifest of a bundle: what so many files need. */
export const INDEX_LIMIT = 4 << 20;
export const COUNT_LIMIT = 10_000;

/**
 * Reads the index at `path`, which others may have planted; undefined when there is none. Fails with `E_MIRROR`, and with
 * `E_UNREADABLE_FILE` for a link.
 */
export function readIndex(files: Files, path: string): MirrorIndex | undefined {
  const text = files.readPlantable(path, INDEX_LIMIT);
  return text === undefined ? undefined : parseIndex(text, path);
}

/**
 * Reads the text of an index, which came from `place` and may be anybody's work. Which release a file is of is read from its name, whatever
 * the text says. Fails with `E_MIRROR`, which tells nothing of the text: `place` may lead to a file that is not for all eyes.
 */
export function parseIndex(text: string, place: string): MirrorIndex {
  const value = boundedJson(text);
  if (!isIndex(value)) {
    throw new UpdateError("E_MIRROR", `\`${place}\` is no index of a mirror, is damaged, or is of a newer release`, {
      hint: "name the folder that `mirror build` made, or an empty one; in place of a damaged index, `mirror build` makes a new one once it is moved away",
    });
  }
  const entries = Object.entries(value.files).map(([name, { release: _, ...file }]) => {
    const release = releaseOf(name);
    return [name, { ...file, ...(release !== undefined && { release }) }] as const;
  });
  return { ...value, files: Object.fromEntries(entries) };
}

/** The text of an index, in a stable order. Fails with `E_MIRROR` for one that no reader would take. */
export function formatIndex(index: MirrorIndex): string {
  const sorted = Object.entries(index.files).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `${JSON.stringify({ ...index, files: Object.fromEntries(sorted) }, undefined, 1)}\n`;
  if (sorted.length <= COUNT_LIMIT && Buffer.byteLength(text) < INDEX_LIMIT) return text;
  throw new UpdateError("E_MIRROR", `a mirror has no room for ${sorted.length} files`, {
    hint: `split it into several folders, or remove old versions with \`--keep\`: ${COUNT_LIMIT} files are the most`,
  });
}

/** A name that may lie in a tree: plain, and no file of another program (a dot in front). */
export function isMirrorName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,200}$/.test(name) && name !== INDEX_FILE;
}

function isIndex(value: unknown): value is MirrorIndex {
  if (!isObject(value) || value["kind"] !== "teleport_mirror" || value["version"] !== "v1") return false;
  const { files } = value;
  if (!isObject(files) || Object.keys(files).length > COUNT_LIMIT) return false;
  return Object.entries(files).every(([name, file]) => isMirrorName(name) && isFile(file));
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
