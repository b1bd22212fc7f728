import { dirname } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { P256Key } from "../platform/p256.ts";
import { shellWord } from "../platform/quote.ts";
import { parseDigest, unreadableChecksum } from "./checksum.ts";
import { publishedAt } from "./published.ts";
import { readSignature, readSpareChecksum, readTogether } from "./read-beside.ts";
import { verifySignature } from "./signature.ts";
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
  /** Where the archive is at the place that proves it, for people. */
  place: string;
  /** When the checksum was last changed there. */
  published: Date | undefined;
  /** There were keys, and the operator said not to ask for a signature. */
  isSignatureSkipped: boolean;
}

export interface ProofDemands {
  /** Digests that the archive must have, lower-case hex, and who says so, for messages. */
  pinned: readonly { sha256: string; by: string }[];
  /** What an earlier place of this run proved: the others have to say the same. */
  believed?: Pick<Proof, "sha256" | "place"> | undefined;
  /** With any key, a release needs a signature by one of them. */
  keys: readonly P256Key[];
  skipSignature: boolean;
  /** For its words only: who builds a mirror names places and versions by other flags than who enrolls a host. */
  isForMirror?: boolean;
  /** Whether a release that was published then is too young; undefined when it may be taken. */
  refuse?: (published: Date | undefined) => UpdateError | undefined;
}

/** Said by each run in which trusted keys ask for nothing. */
export const SIGNATURE_SKIPPED = "The signature of the release is not asked for, as the operator wants it.";

/**
 * Finds the digest that the archive `name` must have, and why it may be believed; every proof at hand has to agree. Of several
 * places, one gives both checksum and signature. Where a digest is pinned no checksum is needed: there may be none, and one that
 * cannot be read counts as none. Fails with `E_CHECKSUM` or `E_SIGNATURE`, and as the source does.
 */
export async function proveDigest(
  source: ReleaseSource,
  name: string,
  demands: ProofDemands,
  log: Log,
): Promise<Proof> {
  const { pinned, keys, skipSignature } = demands;
  const isPinned = pinned.length > 0;
  const isSigned = keys.length > 0 && !skipSignature;
  const together = isPinned ? undefined : await readTogether(source, name, isSigned);
  const checksum = isPinned ? await readSpareChecksum(source, name, log) : together?.checksum;
  const published = checksum && digestIn(checksum, name);
  const sha256 = pinned[0]?.sha256 ?? published;
  if (sha256 === undefined) throw missingChecksum(source.locate(`${name}.sha256`), demands.isForMirror ?? false);
  const giver = checksum?.giver ?? source;
  requireAgreement(giver, name, demands, published);

  const isSignatureSkipped = keys.length > 0 && skipSignature;
  if (isSignatureSkipped) log.warn(SIGNATURE_SKIPPED, { name });
  const signature = isSigned && isPinned ? await readSignature(source, name) : together?.signature;
  const signedAt = (signature?.giver ?? giver).locate(`${name}.sig`);
  const signer = isSigned ? await requireSignature(signature?.text, signedAt, sha256, keys) : undefined;
  const modified = await refuseYoung(source, name, demands, checksum);
  const by = signer !== undefined ? "signature" : isPinned ? "pinned digest" : "checksum";
  log.info("The release is known by its digest.", { file: name, proof: by, sha256, key: signer?.id });
  return { by, sha256, key: signer?.id, place: giver.locate(name), published: modified, isSignatureSkipped };
}

function digestIn({ text, giver }: SourceText, name: string): string {
  const sha256 = parseDigest(text);
  if (sha256 !== undefined) return sha256;
  throw unreadableChecksum(giver.locate(`${name}.sha256`), text);
}

async function requireSignature(
  text: string | undefined,
  place: string,
  sha256: string,
  keys: readonly P256Key[],
): Promise<P256Key> {
  if (text !== undefined) return verifySignature({ text, place }, sha256, keys);
  throw new UpdateError("E_SIGNATURE", `signature not found: \`${place}\``, {
    hint: "a trusted key asks for one: let the mirror serve the `.sig` files too, or take this release on its checksum alone with `--insecure-skip-signature`",
  });
}

function requireAgreement(
  giver: ReleaseSource,
  name: string,
  { pinned, believed }: ProofDemands,
  published: string | undefined,
): void {
  // The place itself may have changed its file since.
  const isElsewhere = believed !== undefined && believed.place !== giver.locate(name);
  const claims = [
    ...pinned,
    ...(isElsewhere ? [{ sha256: believed.sha256, by: `the proof of \`${believed.place}\`` }] : []),
    ...(published === undefined ? [] : [{ sha256: published, by: `\`${giver.locate(`${name}.sha256`)}\`` }]),
  ];
  const [first, ...others] = claims;
  const other = others.find(({ sha256 }) => sha256 !== first?.sha256);
  if (first === undefined || other === undefined) return;
  throw new UpdateError(
    "E_CHECKSUM",
    `${first.by} says that \`${name}\` has the SHA-256 ${first.sha256}, and ${other.by} says ${other.sha256}`,
    { hint: "one of them is about another file: find out which, and install nothing until they agree" },
  );
}

/** The date of a checksum, unless by it the release may not be taken yet: then no archive is fetched in vain. */
async function refuseYoung(
  source: ReleaseSource,
  name: string,
  { refuse }: ProofDemands,
  checksum: SourceText | undefined,
): Promise<Date | undefined> {
  if (refuse?.(checksum?.modified) === undefined) return checksum?.modified;
  const published = checksum && (await publishedAt(source, name, checksum));
  const refusal = refuse(published);
  if (refusal !== undefined) throw refusal;
  return published;
}

function missingChecksum(place: string, isForMirror: boolean): UpdateError {
  const [named, another] = isForMirror
    ? ["the place that the mirror is built from", "`--version`"]
    : ["the base URL", "`--force-version`"];
  const check = place.startsWith("/")
    ? `check the folder: \`ls ${shellWord(dirname(place))}\``
    : `check ${named} and its path: \`curl -I ${shellWord(place)}\``;
  return new UpdateError("E_CHECKSUM", `checksum not found: \`${place}\``, {
    hint: `${check}; the version must be there in this edition and for this processor, with its \`.sha256\` file beside it; another version that is there is asked for with ${another}`,
  });
}
