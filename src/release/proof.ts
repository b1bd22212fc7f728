import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { P256Key } from "../platform/p256.ts";
import { CHECKSUM_LIMIT, parseDigest, unreadableChecksum } from "./checksum.ts";
import { SIGNATURE_LIMIT, verifySignature } from "./signature.ts";
import type { ReleaseSource, SourceText } from "./source.ts";

/*
 * What makes a release believed. The archive and its checksum come from the same server, so a checksum shows no more than
 * that the archive arrived as it was published. A digest that came another way (from the operator, from the cluster) shows
 * that it is the one that was meant, and a signature shows who made it. All of them are about one thing, the SHA-256 of the
 * archive: it is known and believed before the archive is asked for, and the archive then has to have it.
 */

/** The strongest reason for which a digest is believed, weakest last. */
export type ProofKind = (typeof PROOF_KINDS)[number];
export const PROOF_KINDS = ["signature", "pinned digest", "checksum"] as const;

export interface Proof {
  by: ProofKind;
  /** Of the archive, lower-case hex. */
  sha256: string;
  /** The id of the key that signed it. */
  key: string | undefined;
  /** Where the archive is, for people. */
  place: string;
  /** When the checksum was last changed there. */
  published: Date | undefined;
  /** There were keys, and the operator said not to ask for a signature. */
  isSignatureSkipped: boolean;
}

export interface ProofDemands {
  /** Digests that the archive must have, lower-case hex, and who says so, for messages. */
  pinned: readonly { sha256: string; by: string }[];
  /** With any key, a release needs a signature by one of them. */
  keys: readonly P256Key[];
  skipSignature: boolean;
  /** Whether a release that was published then is too young; undefined when it may be taken. */
  refuse?: (published: Date | undefined) => UpdateError | undefined;
}

/**
 * Finds the digest that the archive `name` must have, and why it may be believed; every proof at hand has to agree. A place
 * without a checksum will do when a digest is pinned. Fails with `E_CHECKSUM` or `E_SIGNATURE`, and as the source does.
 */
export async function proveDigest(
  source: ReleaseSource,
  name: string,
  demands: ProofDemands,
  log: Log,
): Promise<Proof> {
  const published = await readChecksum(source, name);
  const [pinned] = demands.pinned;
  const sha256 = pinned?.sha256 ?? published?.sha256;
  if (sha256 === undefined) throw missingChecksum(source, name);
  requireAgreement(source, name, demands.pinned, published?.sha256);
  const refusal = demands.refuse?.(published?.modified);
  if (refusal !== undefined) throw refusal;

  const isSignatureSkipped = demands.keys.length > 0 && demands.skipSignature;
  if (isSignatureSkipped)
    log.warn("The signature of the release is not asked for, as the operator wants it.", { name });
  const isSigned = demands.keys.length > 0 && !demands.skipSignature;
  const signer = isSigned ? await requireSignature(source, name, sha256, demands.keys) : undefined;
  const by = signer !== undefined ? "signature" : pinned !== undefined ? "pinned digest" : "checksum";
  log.info("The release is known by its digest.", { file: name, proof: by, sha256, key: signer?.id });
  const place = source.locate(name);
  return { by, sha256, key: signer?.id, place, published: published?.modified, isSignatureSkipped };
}

async function readChecksum(source: ReleaseSource, name: string) {
  const found = await readBeside(source, `${name}.sha256`, CHECKSUM_LIMIT, "E_CHECKSUM");
  if (found === undefined) return undefined;
  const sha256 = parseDigest(found.text);
  if (sha256 === undefined) throw unreadableChecksum(source.locate(`${name}.sha256`), found.text);
  return { sha256, modified: found.modified };
}

async function requireSignature(
  source: ReleaseSource,
  name: string,
  sha256: string,
  keys: readonly P256Key[],
): Promise<P256Key> {
  const place = source.locate(`${name}.sig`);
  const found = await readBeside(source, `${name}.sig`, SIGNATURE_LIMIT, "E_SIGNATURE");
  if (found !== undefined) return verifySignature({ text: found.text, place }, sha256, keys);
  throw new UpdateError("E_SIGNATURE", `signature not found: \`${place}\``, {
    hint: "a trusted key asks for one: let the mirror serve the `.sig` files too, or take this release on its checksum alone with `--insecure-skip-signature`",
  });
}

/** What is wrong with a file that belongs to the proof is a matter of the proof. */
async function readBeside(
  source: ReleaseSource,
  name: string,
  limit: number,
  code: "E_CHECKSUM" | "E_SIGNATURE",
): Promise<SourceText | undefined> {
  try {
    return await source.readText(name, limit);
  } catch (error) {
    if (!isUpdateError(error, "E_DOWNLOAD", "E_UNREADABLE_FILE")) throw error;
    throw new UpdateError(code, error.message, { hint: error.hint ?? "", cause: error });
  }
}

function requireAgreement(
  source: ReleaseSource,
  name: string,
  pinned: ProofDemands["pinned"],
  published: string | undefined,
): void {
  const place = source.locate(`${name}.sha256`);
  const claims = [...pinned, ...(published === undefined ? [] : [{ sha256: published, by: `\`${place}\`` }])];
  const [first, ...others] = claims;
  const other = others.find(({ sha256 }) => sha256 !== first?.sha256);
  if (first === undefined || other === undefined) return;
  throw new UpdateError(
    "E_CHECKSUM",
    `${first.by} says that \`${name}\` has the SHA-256 ${first.sha256}, and ${other.by} says ${other.sha256}`,
    { hint: "one of them is about another file: find out which, and install nothing until they agree" },
  );
}

function missingChecksum(source: ReleaseSource, name: string): UpdateError {
  return new UpdateError("E_CHECKSUM", `checksum not found: \`${source.locate(`${name}.sha256`)}\``, {
    hint: "check that this version exists there in this edition and for this processor, and that the `.sha256` files lie beside the archives; where another version is at hand, ask for it: with `--force-version` for this host, with `--version` for a mirror",
  });
}
