import { sha256 } from "#variant/digest";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { SIGNATURE_LIMIT, whyNoSignature } from "../release/signature.ts";
import type { MirrorFile } from "./index-file.ts";

/** What lies in the tree under the name of a signature. */
export interface TreeSignature {
  /** For messages. */
  place: string;
  text: string;
  /** Its publisher's, or the site's, as it was put there; anybody else's, and one of ours that was changed since, is somebody's. */
  by: "publisher" | "site" | "somebody";
  /** Why it is no signature; undefined when it may be one. */
  fault: string | undefined;
}

/**
 * The signature at `path` of the tree, which the index has as `made` or does not know. Undefined when there is none, and when one
 * of ours is none any more: that was damaged, and vouches for nothing. Fails with `E_IO`.
 */
export function treeSignature(files: Files, path: string, made: MirrorFile | undefined): TreeSignature | undefined {
  const found = files.stat(path);
  if (found === undefined) return undefined;
  const text = found.kind === "file" ? readSmall(files, path) : undefined;
  const fault = text === undefined ? "is no small regular file" : whyNoSignature(text);
  if (fault !== undefined && made !== undefined) return undefined;
  return { place: path, text: text ?? "", by: makerOf(text ?? "", made), fault };
}

function makerOf(text: string, made: MirrorFile | undefined): TreeSignature["by"] {
  if (made?.sha256 !== Buffer.from(sha256(Buffer.from(text))).toString("hex")) return "somebody";
  return made.origin === undefined ? "site" : "publisher";
}

function readSmall(files: Files, path: string): string | undefined {
  try {
    return files.readPlantable(path, SIGNATURE_LIMIT, "mark");
  } catch (error) {
    if (isUpdateError(error, "E_UNREADABLE_FILE")) return undefined;
    throw error;
  }
}

/** Fails with `E_MIRROR` where a signature would take the place of a file of somebody that is none. */
export function requireSignature({ place, fault }: TreeSignature): void {
  if (fault === undefined) return;
  throw new UpdateError("E_MIRROR", `\`${place}\` is in the way: it ${fault}, and the index does not name it`, {
    hint: `look at it, and move it away: \`mv ${place} ${place}.old\``,
  });
}
