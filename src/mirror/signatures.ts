import { sha256 } from "#variant/digest";
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

/** A signature that lies in the tree already, of this very archive. */
export interface KeptSignature extends ChosenSignature {
  /** For messages. */
  place: string;
}

/**
 * The signature that lies beside an archive in the tree: its publisher's as it is, unless the site signs in its place; the site's
 * where there is none. One that is `kept` in the tree by the site stays. Undefined when there is none to be put there. Fails with
 * `E_SIGNATURE` for a publisher's that is not by a trusted key, and with `E_MIRROR` when the site would replace one by another key, in the tree
 * or at the place, without being told to.
 */
export async function chooseSignature(
  source: ReleaseSource,
  archive: { name: string; sha256: string; kept: KeptSignature | undefined },
  { keys, signer, replace }: SignatureRules,
): Promise<ChosenSignature | undefined> {
  const { name, sha256, kept } = archive;
  const place = source.locate(`${name}.sig`);
  const found = await source.readText(`${name}.sig`, SIGNATURE_LIMIT);
  if (signer !== undefined) {
    const present = [
      ...(kept === undefined ? [] : [kept]),
      ...(found === undefined ? [] : [{ text: found.text, place }]),
    ];
    return { text: await signed(sha256, present, { signer, replace }), by: "site" };
  }
  if (kept?.by === "site") return kept;
  if (found === undefined) return undefined;
  // What goes into the tree is what was checked, also when the place answers otherwise now.
  if (keys.length > 0) await verifySignature({ text: found.text, place }, sha256, keys);
  return { text: found.text, by: "publisher" };
}

/** The text of a signature by the site's key: the one that is there already, else a new one. */
async function signed(
  sha256: string,
  present: readonly Pick<KeptSignature, "text" | "place">[],
  { signer, replace }: { signer: P256Signer; replace: boolean },
): Promise<string> {
  let own: string | undefined;
  for (const { text, place } of present) {
    if (await isBy(text, sha256, signer.key)) own ??= text;
    else if (!replace) throw byAnother(place);
  }
  return own ?? signatureText(signer, sha256);
}

function byAnother(place: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${place}\` is a signature already, and not by this key`, {
    hint: "hosts that trust its key need it: leave `--sign` out, or replace it with `--replace-signatures`",
  });
}

/** The text of a signature that was put into the tree as `made`; undefined when it is not there any more, or was changed. */
export function keptSignature(files: Files, path: string, made: MirrorFile): string | undefined {
  if (files.stat(path)?.kind !== "file") return undefined;
  const text = files.readText(path, SIGNATURE_LIMIT, "mark") ?? "";
  return Buffer.from(sha256(Buffer.from(text))).toString("hex") === made.sha256 ? text : undefined;
}

async function isBy(text: string, sha256: string, key: P256Key): Promise<boolean> {
  const { isSignedBy } = await import("#variant/p256");
  return isSignedBy(key, Buffer.from(sha256, "hex"), Buffer.from(text, "base64"));
}
