import { sha256 } from "../platform/digest.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { P256Key } from "../platform/p256.ts";
import type { P256Signer } from "../platform/p256-signer.ts";
import { SIGNATURE_LIMIT, verifySignature } from "../release/signature.ts";
import type { ReleaseSource } from "../release/source.ts";
import type { MirrorFile } from "./index-file.ts";
import { signatureText } from "./site-key.ts";

/** What `<archive>.sig` of the tree shall say, and whether its publisher or the site says it. */
export interface ChosenSignature {
  text: string;
  by: "publisher" | "site";
}

export interface SignatureRules {
  /** With any, what a publisher signed has to be by one of them. */
  keys: readonly P256Key[];
  /** The key of the site; undefined when it does not sign. */
  signer: P256Signer | undefined;
  /** The site's own signature takes the place of its publisher's. */
  replace: boolean;
}

/**
 * The signature that lies beside an archive in the tree: its publisher's as it is, unless the site signs in its place; the site's
 * where there is none. One that is `kept` in the tree by the site stays. Undefined when nobody signed. Fails with `E_SIGNATURE` for
 * a publisher's that is not by a trusted key, and with `E_MIRROR` when the site would replace one without being told to.
 */
export async function chooseSignature(
  source: ReleaseSource,
  archive: { name: string; sha256: string; kept: string | undefined },
  { keys, signer, replace }: SignatureRules,
): Promise<ChosenSignature | undefined> {
  const { name, sha256, kept } = archive;
  const found = await source.readText(`${name}.sig`, SIGNATURE_LIMIT);
  const isOwn = found !== undefined && signer !== undefined && (await isBy(found.text, sha256, signer.key));
  if (signer !== undefined && !isOwn) {
    if (found === undefined || replace) return { text: signatureText(signer, sha256), by: "site" };
    throw new UpdateError(
      "E_MIRROR",
      `\`${source.locate(`${name}.sig`)}\` is a signature already, and not by this key`,
      {
        hint: "hosts that trust its publisher's key need it: leave `--sign` out, or replace it with `--replace-signatures`",
      },
    );
  }
  if (found === undefined) return kept === undefined ? undefined : { text: kept, by: "site" };
  if (kept !== undefined && !isOwn) return { text: kept, by: "site" };
  // What goes into the tree is what was checked, also when the place answers otherwise now.
  if (keys.length > 0) await verifySignature({ text: found.text, place: source.locate(`${name}.sig`) }, sha256, keys);
  return { text: found.text, by: isOwn ? "site" : "publisher" };
}

/** The text of a signature that the site made before, as `made`; undefined when it is not there any more, or was changed. */
export function keptSignature(files: Files, path: string, made: MirrorFile): string | undefined {
  if (files.stat(path)?.kind !== "file") return undefined;
  const text = files.readText(path, SIGNATURE_LIMIT, "mark") ?? "";
  return Buffer.from(sha256(Buffer.from(text))).toString("hex") === made.sha256 ? text : undefined;
}

async function isBy(text: string, sha256: string, key: P256Key): Promise<boolean> {
  const { isSignedBy } = await import("../platform/p256.ts");
  return isSignedBy(key, Buffer.from(sha256, "hex"), Buffer.from(text, "base64"));
}
