import { join } from "node:path";
import { digestFiles } from "#variant/file-digest";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";
import { CHECKSUM_FILE } from "./checksum.ts";
import { FILE_LIST, PROOF_FILE } from "./version-files.ts";

/** What a look at every file of an installed version shows. */
export type Verdict =
  | { state: "whole"; files: number }
  /** There is no list of digests: another updater installed it. */
  | { state: "unlisted" }
  | { state: "damaged"; problems: string[] };

const LIST_LIMIT = 4 << 20;
/** Written by whoever installs a version; not of the release itself. */
const OF_THE_UPDATER: readonly string[] = [CHECKSUM_FILE, FILE_LIST, PROOF_FILE];

/**
 * Compares every file of the version in `directory` with the digests that were written down when it was installed: what
 * was changed, is missing, was added, or may be written by others is named. Reads some 600 MB; fails with `E_CANCELED`.
 */
export async function verifyVersion(files: Files, directory: string, signal: AbortSignal): Promise<Verdict> {
  const text = files.readOwn(join(directory, FILE_LIST), LIST_LIMIT);
  if (text === undefined) {
    // Whoever wrote down why it was accepted wrote down its files, too.
    const isOurs = files.stat(join(directory, PROOF_FILE)) !== undefined;
    return isOurs ? { state: "damaged", problems: [`\`${FILE_LIST}\` is missing`] } : { state: "unlisted" };
  }
  const expected = parseFileList(text);
  if (expected === undefined) return { state: "damaged", problems: [`\`${FILE_LIST}\` is no list of digests`] };
  const listed = [...expected].map(([path, sha256]) => ({ path, sha256, flaw: flawOf(files, join(directory, path)) }));
  const readable = listed.filter(({ flaw }) => flaw === undefined);
  const digests = await digestFiles(
    readable.map(({ path }) => files.real(join(directory, path))),
    signal,
  );
  const found = new Map(readable.map(({ path }, at) => [path, digests[at]]));
  const problems = listed.flatMap(({ path, sha256, flaw }) => {
    const problem = flaw ?? difference(found.get(path), sha256);
    return problem === undefined ? [] : [`\`${path}\` ${problem}`];
  });
  const added = filesBelow(files, directory).filter((path) => !expected.has(path) && !OF_THE_UPDATER.includes(path));
  problems.push(...added.map((path) => `${quote(path)} did not come with the release`));
  return problems.length === 0 ? { state: "whole", files: expected.size } : { state: "damaged", problems };
}

/** The digests by path, in the format of `sha256sum`; undefined for anything else, a path that leads outside included. */
export function parseFileList(text: string): Map<string, string> | undefined {
  const digests = new Map<string, string>();
  for (const line of text.split("\n").slice(0, -1)) {
    const [, sha256, path] = /^([0-9a-f]{64}) {2}([^/\0][^\0]*)$/.exec(line) ?? [];
    if (sha256 === undefined || path === undefined || path.split("/").includes("..")) return undefined;
    digests.set(path, sha256);
  }
  return text.endsWith("\n") && digests.size > 0 ? digests : undefined;
}

/** What can be told of a file without reading it. */
function flawOf(files: Files, path: string): string | undefined {
  const stat = files.stat(path);
  if (stat === undefined) return "is missing";
  if (stat.kind !== "file") return "is no regular file any more";
  if ((stat.mode & 0o022) !== 0) return `may be written by others: its mode is ${stat.mode.toString(8)}`;
  return undefined;
}

function difference(found: string | undefined, sha256: string): string | undefined {
  return found === sha256 ? undefined : `was changed: it has the SHA-256 ${found}, and was installed with ${sha256}`;
}

/** The SHA-256 of the file at `path` of this machine, as `digestFiles` tells it. */
export async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const [digest = ""] = await digestFiles([path], signal);
  return digest;
}

/** What lies in a version directory, by its path there; directories themselves are left out. */
function filesBelow(files: Files, directory: string, below = ""): string[] {
  return (files.list(join(directory, below)) ?? []).flatMap((name) => {
    const path = join(below, name);
    return files.stat(join(directory, path))?.kind === "directory" ? filesBelow(files, directory, path) : [path];
  });
}
