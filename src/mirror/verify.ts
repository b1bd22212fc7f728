import { join } from "node:path";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { P256Key } from "../platform/p256.ts";
import { quote } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";
import { CHECKSUM_LIMIT, parseDigest } from "../release/checksum.ts";
import { SIGNATURE_LIMIT, verifySignature } from "../release/signature.ts";
import { parseArchiveName } from "./archive-names.ts";
import { fileDigest } from "./file-digest.ts";
import { INDEX_FILE, type MirrorFile, readIndex } from "./index-file.ts";
import { isPartialName } from "./tree-files.ts";

/** What a look at every file of a tree shows. */
export interface TreeReport {
  /** How many the index names. */
  files: number;
  bytes: number;
  /** In the order of their names; with any, hosts should not be sent here. */
  damage: Damage[];
  /** Downloads that were interrupted, or are under way: nobody is served them. */
  partial: string[];
}

export interface Damage {
  file: string;
  kind: "missing" | "changed" | "added" | "checksum" | "signature";
  problem: string;
}

type VerifyWorld = Pick<World, "localFiles" | "signal">;

/**
 * Reads each file of the tree and compares it with the index, each checksum with its archive, and with any key each signature too. Fails
 * with `E_MIRROR` when there is no index, and with `E_CANCELED`.
 */
export async function verifyTree(world: VerifyWorld, directory: string, keys: readonly P256Key[]): Promise<TreeReport> {
  const { localFiles: files } = world;
  const index = readIndex(files, join(directory, INDEX_FILE));
  if (index === undefined) {
    throw new UpdateError("E_MIRROR", `there is no mirror in \`${directory}\`: it has no \`${INDEX_FILE}\``, {
      hint: "name the folder that `mirror build` made",
    });
  }
  const known = Object.entries(index.files).sort(([a], [b]) => (a < b ? -1 : 1));
  const damage: Damage[] = [];
  for (const [name, file] of known) damage.push(...(await problemsOf(world, directory, name, file, keys)));
  const names = files.list(directory) ?? [];
  const added = names.filter(
    (name) => !name.startsWith(".") && name !== INDEX_FILE && !Object.hasOwn(index.files, name),
  );
  for (const file of added) damage.push({ file, kind: "added", problem: "is not in the index" });
  return {
    files: known.length,
    bytes: known.reduce((sum, [, { bytes }]) => sum + bytes, 0),
    damage: damage.sort((a, b) => (a.file < b.file ? -1 : 1)),
    partial: names.filter(isPartialName),
  };
}

/** The report for people. */
export function formatTreeReport(directory: string, { files, bytes, damage, partial }: TreeReport): string {
  const size = `${files} files, ${Math.ceil(bytes / 1e6)} MB`;
  const verdict = damage.length === 0 ? "as it was built" : `DAMAGED, ${damage.length} problems`;
  return [
    `${directory}: ${verdict}, ${size}`,
    ...damage.map(({ file, problem }) => `    ${shown(file)} ${problem}`),
    ...partial.map((file) => `    ${shown(file)} is not whole: a download was interrupted, or is under way`),
    "",
  ].join("\n");
}

const shown = (file: string) => `\`${quote(file, 250).slice(1, -1)}\``;

async function problemsOf(
  world: VerifyWorld,
  directory: string,
  name: string,
  file: MirrorFile,
  keys: readonly P256Key[],
): Promise<Damage[]> {
  const change = await changeOf(world, join(directory, name), file);
  const own = change === undefined ? [] : [{ file: name, ...change }];
  if (parseArchiveName(name) === undefined) return own;
  return [
    ...own,
    ...checksumProblem(world, directory, name, file),
    ...(await signatureProblem(world, directory, name, file, keys)),
  ];
}

async function changeOf(
  { localFiles: files, signal }: VerifyWorld,
  path: string,
  { sha256, bytes }: MirrorFile,
): Promise<Pick<Damage, "kind" | "problem"> | undefined> {
  const found = files.stat(path);
  if (found === undefined) return { kind: "missing", problem: "is missing" };
  if (found.kind !== "file") return { kind: "changed", problem: "is no regular file" };
  if (found.size !== bytes)
    return { kind: "changed", problem: `was changed: it has ${found.size} bytes, and had ${bytes}` };
  const digest = await fileDigest(files, path, signal);
  if (digest === sha256) return undefined;
  return { kind: "changed", problem: `was changed: it has the SHA-256 ${digest}, and had ${sha256}` };
}

/** Hosts read the checksum beside an archive, whatever the index says. */
function checksumProblem(
  { localFiles: files }: VerifyWorld,
  directory: string,
  name: string,
  file: MirrorFile,
): Damage[] {
  const beside = `${name}.sha256`;
  const of = (problem: string): Damage[] => [{ file: beside, kind: "checksum", problem }];
  const text = readBeside(files, join(directory, beside), CHECKSUM_LIMIT);
  if (text === undefined) return of("is missing or cannot be read, so no host takes the archive");
  const found = parseDigest(text);
  if (found === undefined) return of("holds no checksum");
  return found === file.sha256 ? [] : of(`says ${found}, and the index says ${file.sha256}`);
}

async function signatureProblem(
  { localFiles: files }: VerifyWorld,
  directory: string,
  name: string,
  { sha256 }: MirrorFile,
  keys: readonly P256Key[],
): Promise<Damage[]> {
  if (keys.length === 0) return [];
  const beside = `${name}.sig`;
  const place = join(directory, beside);
  const text = readBeside(files, place, SIGNATURE_LIMIT);
  if (text === undefined) return [{ file: beside, kind: "signature", problem: "is missing or cannot be read" }];
  try {
    await verifySignature({ text, place }, sha256, keys);
    return [];
  } catch (error) {
    if (!isUpdateError(error, "E_SIGNATURE")) throw error;
    return [{ file: beside, kind: "signature", problem: error.message.replace(`\`${place}\` `, "") }];
  }
}

function readBeside(files: World["localFiles"], path: string, limit: number): string | undefined {
  try {
    return files.readText(path, limit, "mark");
  } catch (error) {
    if (isUpdateError(error, "E_UNREADABLE_FILE")) return undefined;
    throw error;
  }
}
