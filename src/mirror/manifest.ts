import { UpdateError } from "../platform/errors.ts";
import { quote } from "../platform/quote.ts";
import { isProofName, provenBy, releaseOf } from "./archive-names.ts";
import { boundedJson } from "./bounded-json.ts";
import { COUNT_LIMIT, INDEX_LIMIT, isMirrorName, type MirrorFile } from "./index-file.ts";

/** What a bundle holds, in the order in which it follows: the first entry of the bundle, from which all its other bytes follow. */
export interface Manifest {
  kind: "teleport_mirror_bundle";
  version: "v1";
  /** By ascending name, so that the same files make the same bundle. */
  files: BundledFile[];
}

export interface BundledFile extends MirrorFile {
  name: string;
  /** RFC 3339, of a checksum: when the release was published, by which hosts judge its age. */
  modified?: string;
}

export const MANIFEST_FILE = "manifest.json";
export const MANIFEST_LIMIT = INDEX_LIMIT;
const TEXT_LIMIT = 2000;
/** Of one file; an archive has 200 MB. */
const FILE_LIMIT = 4 * 2 ** 30;
/** Control and format characters, and line separators: nothing that a place or a date needs. */
const UNFIT = /[\p{C}\p{Zl}\p{Zp}]/u;

/** A manifest of these files, in order. */
export function manifestOf(files: readonly BundledFile[]): Manifest {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { kind: "teleport_mirror_bundle", version: "v1", files: sorted };
}

/** The text of a manifest: the same for the same files. */
export function formatManifest({ kind, version, files }: Manifest): string {
  return `${JSON.stringify({ kind, version, files: files.map(plainFile) }, undefined, 1)}\n`;
}

/**
 * Reads a manifest, which may be anybody's work: names that may lie in a tree, each once and in order, also where a file
 * system does not tell upper case from lower case; sizes and digests that can be; no checksum or signature alone; no other release than the one of the name, as
 * that decides what `--keep` removes. What it has besides is dropped. Fails with what `refuse` makes of the reason.
 */
export function parseManifest(text: string, refuse: (reason: string) => UpdateError): Manifest {
  const value = boundedJson(text);
  if (!isObject(value) || value["kind"] !== "teleport_mirror_bundle") throw refuse("it is no bundle of a mirror");
  if (value["version"] !== "v1") throw refuse("it is of a newer release: import it with that one");
  const listed = value["files"];
  if (!Array.isArray(listed)) throw refuse("its manifest lists no files");
  if (listed.length > COUNT_LIMIT) throw refuse(`it has more than ${COUNT_LIMIT} files`);
  const files = listed.map((file: unknown) => readFile(file, refuse));
  const seen = new Set<string>();
  let last = "";
  for (const { name } of files) {
    if (name <= last) throw refuse(`its manifest lists ${quote(name)} twice or out of order`);
    if (seen.has(name.toLowerCase())) throw refuse(`its manifest lists ${quote(name)} twice but for upper case`);
    seen.add(name.toLowerCase());
    last = name;
  }
  // Alone, it would take the place of the one beside a file that is in the tree already.
  const names = new Set(files.map(({ name }) => name));
  const alone = files.find(({ name }) => isProofName(name) && !names.has(provenBy(name)));
  if (alone !== undefined) throw refuse(`\`${alone.name}\` comes without \`${provenBy(alone.name)}\``);
  return { kind: "teleport_mirror_bundle", version: "v1", files };
}

/** The bundle is not one that `mirror bundle` made. */
export function refusedBundle(place: string, reason: string): UpdateError {
  return new UpdateError("E_MIRROR", `the bundle \`${place}\` is refused: ${reason}`, {
    hint: "carry it anew, compare its `sha256sum` with the one that `mirror bundle` printed, and ask whoever made it",
  });
}

function readFile(value: unknown, refuse: (reason: string) => UpdateError): BundledFile {
  if (!isObject(value)) throw refuse("its manifest lists something that is no file");
  const { name, sha256, bytes } = value;
  if (typeof name !== "string" || !isMirrorName(name) || name === MANIFEST_FILE) {
    throw refuse(`${quote(JSON.stringify(name) ?? "nothing")} is no name of a file of a mirror`);
  }
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) throw refuse(`\`${name}\` has no digest`);
  if (!isSize(bytes)) throw refuse(`\`${name}\` has no size, or more than ${FILE_LIMIT} bytes`);
  const optional = <T>(key: string, is: (value: unknown) => value is T): T | undefined => {
    const given = value[key];
    if (given === undefined || is(given)) return given;
    throw refuse(`\`${key}\` of \`${name}\` is something else, or holds control characters`);
  };
  const release = releaseOf(name);
  if ((optional("release", isPlain) ?? release) !== release) throw refuse(`\`release\` of \`${name}\` is another one`);
  return plainFile({
    name,
    bytes,
    sha256,
    release,
    origin: optional("origin", isOrigin),
    modified: optional("modified", isDate),
  });
}

type Origin = NonNullable<MirrorFile["origin"]>;

/** The known keys alone, in one order. */
function plainFile({ name, bytes, sha256, release, origin, modified }: LooseFile): BundledFile {
  return {
    name,
    bytes,
    sha256,
    ...(release !== undefined && { release }),
    ...(origin !== undefined && { origin: plainOrigin(origin) }),
    ...(modified !== undefined && { modified }),
  };
}

/** A file of which nothing but the first three is sure. */
type LooseFile = Pick<BundledFile, "name" | "bytes" | "sha256"> & {
  [Key in "release" | "origin" | "modified"]?: BundledFile[Key] | undefined;
};

function plainOrigin({ place, proof, key, fetched }: Origin): Origin {
  return { place, proof, ...(key !== undefined && { key }), fetched };
}

function isOrigin(value: unknown): value is Origin {
  if (!isObject(value)) return false;
  const { place, proof, key, fetched } = value;
  return [place, proof, fetched].every(isPlain) && (key === undefined || isPlain(key));
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= FILE_LIMIT;
}

function isDate(value: unknown): value is string {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/.test(value) && !Number.isNaN(Date.parse(value));
}

function isPlain(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_LIMIT && !UNFIT.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
