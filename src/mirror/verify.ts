import { basename, join } from "node:path";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { P256Key } from "../platform/p256.ts";
import { quote } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";
import { CHECKSUM_LIMIT, parseDigest } from "../release/checksum.ts";
import { progressBar } from "../release/progress.ts";
import { SIGNATURE_LIMIT, verifySignature } from "../release/signature.ts";
import { parseArchiveName } from "./archive-names.ts";
import { fileDigest } from "./file-digest.ts";
import { INDEX_FILE, type MirrorFile, type MirrorIndex, readIndex } from "./index-file.ts";
import { isPartialName } from "./tree-files.ts";
import { LOCK_FILE } from "./tree-lock.ts";
import { isOfUpdater } from "./updater-names.ts";

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

type VerifyWorld = Pick<World, "localFiles" | "terminal" | "signal">;

/** The index itself, and what a file system of its own has at its top. */
const NOT_OURS = [INDEX_FILE, "lost+found"];

/**
 * Reads each file of the tree and compares it with the index, each checksum with its archive, and with any key each signature too. Fails
 * with `E_MIRROR` when there is no index, and with `E_CANCELED`.
 */
export async function verifyTree(world: VerifyWorld, directory: string, keys: readonly P256Key[]): Promise<TreeReport> {
  const { localFiles: files } = world;
  const index = readIndex(files, join(directory, INDEX_FILE));
  if (index === undefined) throw noMirror(files, directory);
  const known = Object.entries(index.files).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = known.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  const damage: Damage[] = [];
  // A job of a timer says what is wrong, and nothing else.
  const progress = world.terminal && progressBar(world.terminal);
  progress?.start(basename(directory), all);
  try {
    for (const [name, file] of known) {
      damage.push(...(await problemsOf(world, { directory, index, keys }, name, file)));
      progress?.advance(file.bytes);
    }
  } finally {
    progress?.end();
  }
  const names = files.list(directory) ?? [];
  const added = names.filter(
    (name) => !name.startsWith(".") && !NOT_OURS.includes(name) && !Object.hasOwn(index.files, name),
  );
  for (const file of added) damage.push({ file, kind: "added", problem: "is not in the index" });
  return {
    files: known.length,
    bytes: all,
    damage: damage.sort((a, b) => (a.file < b.file ? -1 : 1)),
    partial: names.filter(isPartialName),
  };
}

function noMirror(files: World["localFiles"], directory: string): UpdateError {
  const isBegun = files.stat(join(directory, LOCK_FILE)) !== undefined;
  return new UpdateError("E_MIRROR", `there is no mirror in \`${directory}\`: it has no \`${INDEX_FILE}\``, {
    hint: isBegun
      ? "the first `mirror build` or `mirror import` into it is under way, or was interrupted: wait for it, or run it again"
      : "name the folder that `mirror build` or `mirror import` made",
  });
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
  tree: { directory: string; index: MirrorIndex; keys: readonly P256Key[] },
  name: string,
  file: MirrorFile,
): Promise<Damage[]> {
  const { directory, index, keys } = tree;
  const change = await changeOf(world, join(directory, name), file);
  const own = change === undefined ? [] : [{ file: name, ...change }];
  if (parseArchiveName(name) === undefined && !isOfUpdater(name)) return own;
  const beside = [
    ...checksumProblem(world, directory, name, file),
    ...(await signatureProblem(world, directory, name, file, keys)),
  ];
  // What the index names and is gone is told where its turn is.
  const isTold = (name: string) =>
    Object.hasOwn(index.files, name) && world.localFiles.stat(join(directory, name)) === undefined;
  return [...own, ...beside.filter((damage) => !isTold(damage.file))];
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
  if (text === undefined) return of(`is missing or cannot be read, so \`${name}\` is not taken`);
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
