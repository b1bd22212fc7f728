import { UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { P256Key } from "../platform/p256.ts";
import type { P256Signer } from "../platform/p256-signer.ts";
import { SIGNATURE_LIMIT, verifySignature, whyNoSignature } from "../release/signature.ts";
import type { ReleaseSource } from "../release/source.ts";
import { signatureText } from "./site-key.ts";
import { requireSignature, type TreeSignature } from "./tree-signature.ts";

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
  /** The one that is chosen takes the place of another: the site's when it signs, else that of the place. */
  replace: boolean;
}

interface SignedArchive {
  name: string;
  sha256: string;
  /** What lies in the tree already. */
  kept: TreeSignature | undefined;
}

/**
 * The signature that is to lie beside an archive: the site's when it signs, else its publisher's. Undefined when what is in the tree
 * stays as it is. One by another key stays, as hosts may trust that key, unless it is to be replaced; where only the publisher's new one is by
 * a trusted key, it also takes the place of another that is not the site's. Fails with `E_SIGNATURE` for a publisher's that is not by a
 * trusted key, and with `E_MIRROR` when the site would replace one without being told to, and when a file of somebody is in the way.
 */
export async function chooseSignature(
  log: Log,
  source: ReleaseSource,
  archive: SignedArchive,
  rules: SignatureRules,
): Promise<ChosenSignature | undefined> {
  const { sha256, kept } = archive;
  const { keys, signer, replace } = rules;
  const published = await publishedSignature(log, source, archive.name);
  if (signer !== undefined) return { text: await signed(archive, published, { signer, replace }), by: "site" };
  if (kept?.by === "site" && !replace) return { text: kept.text, by: "site" };
  if (published === undefined) return undefined;
  // What goes into the tree is what was checked, also when the place answers otherwise now.
  if (keys.length > 0) await verifySignature(published, sha256, keys);
  if (kept === undefined || replace || (await isWorthLess(kept, published, archive, keys))) {
    return { text: published.text, by: "publisher" };
  }
  log.warn("The place has another signature than the mirror, which keeps its own.", {
    path: kept.place,
    url: published.place,
    hint: "hosts may trust the key of the one that is there: find out which they need, and take the other with `--replace-signatures`",
  });
  return undefined;
}

interface PublishedSignature {
  text: string;
  place: string;
}

/** What a portal or a store answers in the place of a signature that it has not is none. */
async function publishedSignature(
  log: Log,
  source: ReleaseSource,
  name: string,
): Promise<PublishedSignature | undefined> {
  const found = await source.readText(`${name}.sig`, SIGNATURE_LIMIT);
  if (found === undefined) return undefined;
  const place = found.giver.locate(`${name}.sig`);
  const fault = whyNoSignature(found.text);
  if (fault === undefined) return { text: found.text, place };
  log.warn("What lies at the place of a signature is none, and not taken.", { url: place, error: `it ${fault}` });
  return undefined;
}

/** Whether the signature in the tree is no other than the publisher's, or has no trusted key where that one has. */
async function isWorthLess(
  kept: TreeSignature,
  published: PublishedSignature,
  { sha256 }: SignedArchive,
  keys: readonly P256Key[],
): Promise<boolean> {
  requireSignature(kept);
  if (kept.text.trim() === published.text.trim()) return true;
  if (keys.length === 0) return false;
  const proven = await Promise.all(keys.map((key) => isBy(kept.text, sha256, key)));
  return !proven.includes(true);
}

/** The text of a signature by the site's key: the one that is there already, else a new one. */
async function signed(
  { sha256, kept }: SignedArchive,
  published: PublishedSignature | undefined,
  { signer, replace }: { signer: P256Signer; replace: boolean },
): Promise<string> {
  if (kept !== undefined && !replace) requireSignature(kept);
  let own: string | undefined;
  for (const present of [kept, published]) {
    if (present === undefined) continue;
    if (await isBy(present.text, sha256, signer.key)) own ??= present.text;
    else if (!replace) throw byAnother(present.place);
  }
  return own ?? signatureText(signer, sha256);
}

function byAnother(place: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${place}\` is a signature already, and not by this key`, {
    hint: "hosts that trust its key need it: leave `--sign` out, or replace it with `--replace-signatures`",
  });
}

async function isBy(text: string, sha256: string, key: P256Key): Promise<boolean> {
  if (whyNoSignature(text) !== undefined) return false;
  const { isSignedBy } = await import("#variant/p256");
  return isSignedBy(key, Buffer.from(sha256, "hex"), Buffer.from(text, "base64"));
}
