import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "#variant/digest";
import type { Files } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import type { MirrorFile } from "./index-file.ts";

/*
 * How files come into a tree that a web server reads meanwhile: whole, by a rename. What is still on its way has a dot in
 * front, so that no server and no reader of the tree takes it for a file of the mirror.
 */

/** The name of a file while it is on its way. */
export function partialName(name: string): string {
  return `.${name}.partial`;
}

/** The name that a file gets which is on its way under this one. */
export function wholeName(partial: string): string {
  return partial.slice(1, -".partial".length);
}

export function isPartialName(name: string): boolean {
  return /^\..+\.partial$/.test(name);
}

/**
 * Writes a small file of the tree, unless it is there with this text. `modified` is when it was published: hosts judge the age
 * of a release by it, and a copy is not younger than what was copied.
 */
export async function placeText(
  files: Files,
  path: { directory: string; name: string },
  text: string,
  modified?: Date,
): Promise<Pick<MirrorFile, "sha256" | "bytes">> {
  const at = join(path.directory, path.name);
  const bytes = Buffer.from(text);
  const isThere = files.stat(at)?.kind === "file" && files.stat(at)?.size === bytes.length;
  if (!isThere || files.readText(at, bytes.length + 1, "mark") !== text) files.writeFile(at, text);
  if (modified !== undefined) await attemptAsync("date", at, () => utimes(files.real(at), modified, modified));
  return { sha256: Buffer.from(sha256(bytes)).toString("hex"), bytes: bytes.length };
}
