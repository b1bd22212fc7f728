import { join } from "node:path";
import { isUpdateError } from "../platform/errors.ts";
import type { P256Key } from "../platform/p256.ts";
import type { World } from "../platform/world.ts";
import { CHECKSUM_LIMIT, parseDigest } from "../release/checksum.ts";
import { SIGNATURE_LIMIT, verifySignature } from "../release/signature.ts";
import { parseArchiveName } from "./archive-names.ts";
import { fileDigest } from "./file-digest.ts";
import type { MirrorFile, MirrorIndex } from "./index-file.ts";
import { isOfUpdater } from "./updater-names.ts";

export interface Damage {
  file: string;
  kind: "missing" | "changed" | "unreadable" | "added" | "checksum" | "signature";
  problem: string;
}

/** What files are compared with. */
export interface VerifiedTree {
  directory: string;
  index: MirrorIndex;
  /** With any, what hosts get must be signed by one of them. */
  keys: readonly P256Key[];
}

export type VerifyWorld = Pick<World, "localFiles" | "terminal" | "signal">;

/**
 * What is wrong with one file that the index names, and with the checksum and the signature beside it. One that cannot be read is as bad for
 * hosts as one that is damaged, and no reason to look at no other one. Fails with `E_CANCELED`.
 */
export async function problemsOf(
  world: VerifyWorld,
  tree: VerifiedTree,
  name: string,
  file: MirrorFile,
): Promise<Damage[]> {
  const { directory, index, keys } = tree;
  const change = await whileReadable(() => changeOf(world, join(directory, name), file));
  const own = change === undefined ? [] : [{ file: name, ...change }];
  if (parseArchiveName(name) === undefined && !isOfUpdater(name)) return own;
  const beside = [
    ...checksumProblem(world, directory, name, file),
    ...(await signatureProblem(world, directory, name, file, keys)),
  ];
  // What the index names and is gone is told where its turn is.
  const isTold = (name: string) => Object.hasOwn(index.files, name) && isGone(world, join(directory, name));
  return [...own, ...beside.filter((damage) => !isTold(damage.file))];
}

function isGone({ localFiles: files }: VerifyWorld, path: string): boolean {
  try {
    return files.stat(path) === undefined;
  } catch (error) {
    if (isUpdateError(error)) return false;
    throw error;
  }
}

type Change = Pick<Damage, "kind" | "problem">;

async function whileReadable(look: () => Promise<Change | undefined>): Promise<Change | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
    return { kind: "unreadable", problem: `cannot be read: ${error.message}` };
  }
}

async function changeOf(
  { localFiles: files, signal }: VerifyWorld,
  path: string,
  { sha256, bytes }: MirrorFile,
): Promise<Change | undefined> {
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
    if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
    return undefined;
  }
}
