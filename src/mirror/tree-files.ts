import { lstat, lutimes } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "#variant/digest";
import type { Files } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import { parseArchiveName, provenBy } from "./archive-names.ts";
import type { MirrorFile } from "./index-file.ts";
import { isOfUpdater } from "./updater-names.ts";

/*
 * How files come into a tree that a web server reads meanwhile: whole, by a rename. What is still on its way has a dot in
 * front, so that no server and no reader of the tree takes it for a file of the mirror.
 */

/** The name of a file while it is on its way. */
export function partialName(name: string): string {
  return `.${name}.partial`;
}

export function isPartialName(name: string): boolean {
  return /^\..+\.partial$/.test(name);
}

/** Whether what is on its way under this name is a release, the updater, or what makes one believed; anything else may be somebody's. */
export function isPartOfMirror(name: string): boolean {
  if (!isPartialName(name)) return false;
  const file = provenBy(name.slice(1, -".partial".length).replace(OWN_SUFFIX, ""));
  return parseArchiveName(file) !== undefined || isOfUpdater(file);
}

/** In the moment before it is put in its place, `whole-file.ts` gives a file a name that nobody else has. */
const OWN_SUFFIX = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Writes a small file of the tree, unless it is there with this text and date. `modified` is when it was published: hosts judge the
 * age of a release by it, and a copy is not younger than what was copied. One that is right is not touched, and another is written
 * anew: an import by root leaves files that only root may date, and the mirror's own user goes on with them.
 */
export async function placeText(
  files: Files,
  path: { directory: string; name: string },
  text: string,
  modified?: Date,
): Promise<Pick<MirrorFile, "sha256" | "bytes">> {
  const at = join(path.directory, path.name);
  const bytes = Buffer.from(text);
  if (!(await isThere(files, at, text, modified))) {
    files.writeFile(at, text);
    // Never through a link that somebody put there by now.
    if (modified !== undefined) await attemptAsync("date", at, () => lutimes(files.real(at), modified, modified));
  }
  return { sha256: Buffer.from(sha256(bytes)).toString("hex"), bytes: bytes.length };
}

async function isThere(files: Files, at: string, text: string, modified: Date | undefined): Promise<boolean> {
  const found = files.stat(at);
  const length = Buffer.byteLength(text);
  if (found?.kind !== "file" || found.size !== length) return false;
  if (files.readText(at, length + 1, "mark") !== text) return false;
  if (modified === undefined) return true;
  const { mtime } = await attemptAsync("look at", at, () => lstat(files.real(at)));
  return mtime.getTime() === modified.getTime();
}
