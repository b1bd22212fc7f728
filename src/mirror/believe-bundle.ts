import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { P256Key } from "../platform/p256.ts";
import { parseDigest } from "../release/checksum.ts";
import { SIGNATURE_LIMIT, verifySignature } from "../release/signature.ts";
import { isArchive, isProofName, provenBy } from "./archive-names.ts";
import { SIGNATURE_SUFFIX } from "./bundle.ts";
import type { BundledFile } from "./manifest.ts";
import type { ProvenBundle } from "./read-bundle.ts";

export interface BundleDemands {
  /** That the whole bundle must have, lower-case hex; empty for none. */
  digest: string;
  /** With any key, a signature by one of them is needed. */
  keys: readonly P256Key[];
}

/** By what a file of a bundle is believed, in the words of `proof.ts`. */
export interface Belief {
  proof: "signature" | "pinned digest" | "checksum";
  /** The id of the key that signed it, or the bundle that it is in. */
  key?: string;
}

/** Why a bundle may be believed. */
export interface BelievedBundle {
  of(file: BundledFile): Belief;
  /** Whether that also holds for what the list says of the files, such as their dates: no signature of a file is about it. */
  isWhole: boolean;
}

/**
 * Why a bundle and each file of it may be believed. With keys there must be either a signature of the whole bundle in a
 * file beside it, or in the bundle one of every archive. Such a signature names no file, and what else hosts may run, a script, does not
 * say what it is: it needs that of the whole, or the digest. In any case a checksum in the bundle must be that of its file. Fails with `E_MIRROR` or `E_SIGNATURE`.
 */
export async function believeBundle(
  files: Files,
  bundle: { path: string; files: readonly BundledFile[]; proven: ProvenBundle },
  { digest, keys }: BundleDemands,
): Promise<BelievedBundle> {
  const { path, proven } = bundle;
  if (digest !== "" && digest !== proven.sha256) throw otherBundle(path, proven.sha256, digest);
  requireChecksums(path, bundle.files, proven.texts);
  const otherwise: Belief = { proof: digest === "" ? "checksum" : "pinned digest" };
  if (keys.length === 0) return { of: () => otherwise, isWhole: true };

  const place = `${path}${SIGNATURE_SUFFIX}`;
  const text = files.readText(place, SIGNATURE_LIMIT);
  if (text !== undefined) {
    const { id } = await verifySignature({ text, place, of: "bundle" }, proven.sha256, keys);
    return { of: () => ({ proof: "signature", key: id }), isWhole: true };
  }
  const other = bundle.files.find(({ name }) => !isArchive(provenBy(name)));
  if (digest === "" && other !== undefined) throw unsignedWhole(path, other.name);
  const signers = await signersOf(bundle, keys);
  const of = ({ name }: BundledFile): Belief => {
    const key = signers.get(provenBy(name));
    return key === undefined ? otherwise : { proof: "signature", key };
  };
  return { of, isWhole: digest !== "" };
}

async function signersOf(
  { path, files, proven }: { path: string; files: readonly BundledFile[]; proven: ProvenBundle },
  keys: readonly P256Key[],
): Promise<Map<string, string>> {
  const signers = new Map<string, string>();
  for (const { name, sha256 } of files) {
    if (isProofName(name)) continue;
    const text = proven.texts.get(`${name}.sig`);
    if (text === undefined) throw unsigned(path, name);
    const place = `${path}: ${name}.sig`;
    const { id } = await verifySignature({ text, place, of: "bundled file" }, sha256, keys);
    signers.set(name, id);
  }
  return signers;
}

function requireChecksums(path: string, files: readonly BundledFile[], texts: ReadonlyMap<string, string>): void {
  for (const { name, sha256 } of files) {
    const text = texts.get(`${name}.sha256`);
    if (text === undefined || parseDigest(text) === sha256) continue;
    throw new UpdateError("E_MIRROR", `\`${path}\`: \`${name}.sha256\` is not about \`${name}\`, which has ${sha256}`, {
      hint: "run `teleport-update mirror verify` where the bundle was made, and bundle anew",
    });
  }
}

function otherBundle(path: string, found: string, wanted: string): UpdateError {
  return new UpdateError("E_MIRROR", `\`${path}\` has the SHA-256 ${found}, and \`--digest\` says ${wanted}`, {
    hint: "it was damaged or replaced on its way, or is another bundle: carry it anew, and ask its maker for the digest again",
  });
}

function unsignedWhole(path: string, name: string): UpdateError {
  return new UpdateError(
    "E_SIGNATURE",
    `\`${path}${SIGNATURE_SUFFIX}\` is missing, and \`${name}\` needs it: its own signature does not say its name`,
    {
      hint: "sign the whole bundle where it is made, with `mirror bundle --sign KEY`, or name its digest with `--digest`",
    },
  );
}

function unsigned(path: string, name: string): UpdateError {
  return new UpdateError(
    "E_SIGNATURE",
    `neither \`${path}${SIGNATURE_SUFFIX}\` is there, nor \`${name}\` and \`${name}.sig\` in the bundle, and a trusted key asks for it`,
    { hint: "sign the whole bundle where it is made, with `mirror bundle --sign KEY`, and carry the `.sig` along" },
  );
}
