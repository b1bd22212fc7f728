import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import { quote } from "../platform/quote.ts";
import { streamSha256 } from "../platform/stream-digest.ts";
import { CHECKSUM_FILE } from "./checksum.ts";
import { FILE_LIST, PROOF_FILE } from "./version-files.ts";

/** What a look at every file of an installed version shows. */
export type Verdict =
  | { state: "whole"; files: number }
  /** There is no list of digests: another updater installed it. */
  | { state: "unlisted" }
  | { state: "damaged"; problems: string[] };

const LIST_LIMIT = 4 << 20;
const READ_BYTES = 1 << 20;
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
  const problems: string[] = [];
  for (const [path, sha256] of expected) {
    const problem = await problemWith(files, join(directory, path), sha256, signal);
    if (problem !== undefined) problems.push(`\`${path}\` ${problem}`);
  }
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

async function problemWith(
  files: Files,
  path: string,
  sha256: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const stat = files.stat(path);
  if (stat === undefined) return "is missing";
  if (stat.kind !== "file") return "is no regular file any more";
  if ((stat.mode & 0o022) !== 0) return `may be written by others: its mode is ${stat.mode.toString(8)}`;
  const found = await attemptAsync("read", path, () => digestOf(files.real(path), signal));
  return found === sha256 ? undefined : `was changed: it has the SHA-256 ${found}, and was installed with ${sha256}`;
}

/** The SHA-256 of the file at `path` of this machine, in lower-case hex; no link is followed. Fails with `E_CANCELED`, else as the system does. */
export async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const digest = streamSha256();
  const buffer = Buffer.alloc(READ_BYTES);
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (;;) {
      if (signal.aborted) throw new UpdateError("E_CANCELED", `interrupted while reading \`${path}\``);
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
      if (bytesRead === 0) return digest.hex();
      digest.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** What lies in a version directory, by its path there; directories themselves are left out. */
function filesBelow(files: Files, directory: string, below = ""): string[] {
  return (files.list(join(directory, below)) ?? []).flatMap((name) => {
    const path = join(below, name);
    return files.stat(join(directory, path))?.kind === "directory" ? filesBelow(files, directory, path) : [path];
  });
}
