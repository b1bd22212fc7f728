import { basename, join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { P256Key } from "../platform/p256.ts";
import { quote } from "../platform/quote.ts";
import { progressBar } from "../release/progress.ts";
import { INDEX_FILE, readIndex } from "./index-file.ts";
import { isPartialName } from "./tree-files.ts";
import { LOCK_FILE } from "./tree-lock.ts";
import { type Damage, problemsOf, type VerifiedTree, type VerifyWorld } from "./verify-file.ts";

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

/** The index itself, and what a file system of its own has at its top. */
const NOT_OURS = [INDEX_FILE, "lost+found"];

/**
 * Reads each file of the tree and compares it with the index, each checksum with its archive, and with any key each signature too.
 * That takes minutes, in which a build may bring, replace and remove files: what looks damaged is looked at again with the index
 * that there is at the end. Fails with `E_MIRROR` when there is no index, and with `E_CANCELED`.
 */
export async function verifyTree(world: VerifyWorld, directory: string, keys: readonly P256Key[]): Promise<TreeReport> {
  const { localFiles: files } = world;
  const path = join(directory, INDEX_FILE);
  const index = readIndex(files, path);
  if (index === undefined) throw noMirror(files, directory);
  const bytes = Object.values(index.files).reduce((sum, file) => sum + file.bytes, 0);
  const found = await lookAtAll(world, { directory, index, keys }, bytes);
  // Listed before the index is read: a build writes the index after its files.
  const names = files.list(directory) ?? [];
  const later = readIndex(files, path) ?? index;
  const isAsBefore = later.written === index.written;
  const lasting = isAsBefore
    ? [...found.values()].flat()
    : await lookAgain(world, { directory, index: later, keys }, found);
  const isKnown = (name: string) => Object.hasOwn(index.files, name) || Object.hasOwn(later.files, name);
  const added = names
    .filter((name) => !name.startsWith(".") && !NOT_OURS.includes(name) && !isKnown(name))
    .map((file): Damage => ({ file, kind: "added", problem: "is not in the index" }));
  return {
    files: Object.keys(index.files).length,
    bytes,
    damage: [...lasting, ...added].sort((a, b) => (a.file < b.file ? -1 : 1)),
    partial: names.filter(isPartialName),
  };
}

/** Of a file by its name, and of what lies beside it. */
type Problems = ReadonlyMap<string, Damage[]>;

async function lookAtAll(world: VerifyWorld, tree: VerifiedTree, bytes: number): Promise<Problems> {
  const found = new Map<string, Damage[]>();
  // A job of a timer says what is wrong, and nothing else.
  const progress = world.terminal && progressBar(world.terminal);
  progress?.start(basename(tree.directory), bytes);
  try {
    for (const [name, file] of Object.entries(tree.index.files).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const problems = await problemsOf(world, tree, name, file);
      if (problems.length > 0) found.set(name, problems);
      progress?.advance(file.bytes);
    }
  } finally {
    progress?.end();
  }
  return found;
}

/** At the files of `found` that the index still names. */
async function lookAgain(world: VerifyWorld, tree: VerifiedTree, found: Problems): Promise<Damage[]> {
  const problems: Damage[] = [];
  for (const [name, file] of Object.entries(tree.index.files)) {
    if (found.has(name)) problems.push(...(await problemsOf(world, tree, name, file)));
  }
  return problems;
}

function noMirror(files: VerifyWorld["localFiles"], directory: string): UpdateError {
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
