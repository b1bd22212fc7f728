import { UpdateError } from "../platform/errors.ts";
import type { P256Key } from "../platform/p256.ts";
import { quote } from "../platform/quote.ts";

/** A signature is about 96 characters of base64. */
export const SIGNATURE_LIMIT = 4096;
const RAW_LENGTH = 64;
/** Of either half; a zero may stand in front of it. */
const HALF_LENGTH = 32;
const DER_SEQUENCE = 0x30;
const DER_INTEGER = 0x02;

/**
 * The key that signed the archive with this digest, of all that are trusted. `text` is what lies beside the archive as
 * `.sig`: base64 of an ASN.1 DER signature, ECDSA on P-256 with SHA-256, as `cosign sign-blob --key` and `openssl dgst -sign`
 * make it. What is signed is the digest of the archive, so nothing of the archive is needed to know whether it may be
 * fetched. Fails with `E_SIGNATURE`, which says what the text is instead, at `place`.
 */
export async function verifySignature(
  { text, place, of = "archive" }: { text: string; place: string; of?: Signed },
  sha256: string,
  keys: readonly P256Key[],
): Promise<P256Key> {
  const signature = decode(text);
  if (typeof signature === "string") throw malformed(place, signature);
  const { isSignedBy } = await import("#variant/p256");
  const digest = Buffer.from(sha256, "hex");
  const signer = keys.find((key) => isSignedBy(key, digest, signature));
  if (signer !== undefined) return signer;
  const { what, hint } = STRANGERS[of];
  throw signatureError(
    `\`${place}\` is no signature by a trusted key (${keys.map(({ id }) => id).join(", ")}) of ${what(sha256)}`,
    hint,
  );
}

/** What is said to be signed: an archive of which only the checksum is known, a bundle that is here, or a file in one. */
type Signed = "archive" | "bundle" | "bundled file";

const BUNDLE_HINT =
  "either it was replaced on its way, or it is signed by another key: ask who made the bundle, and name the public key that is theirs with `--trusted-key FILE`";

const STRANGERS: Record<Signed, { what: (sha256: string) => string; hint: string }> = {
  archive: {
    what: (sha256) => `an archive with the SHA-256 ${sha256}, which is what its checksum claims`,
    hint: "either the archive or its checksum were replaced, or they are signed by another key: ask who publishes them, and trust a new key only by hand, with `--trusted-key FILE`",
  },
  bundle: { what: (sha256) => `the bundle, which has the SHA-256 ${sha256}`, hint: BUNDLE_HINT },
  "bundled file": { what: (sha256) => `the file in the bundle, which has the SHA-256 ${sha256}`, hint: BUNDLE_HINT },
};

/** Why a text is nobody's signature of anything, as `is …`; undefined when it may be one. */
export function whyNoSignature(text: string): string | undefined {
  const signature = decode(text);
  return typeof signature === "string" ? signature : undefined;
}

/** The bytes of a signature, or what is wrong with the text. */
function decode(text: string): Uint8Array | string {
  const body = text.replace(/\s+/g, "");
  if (body === "") return "is empty";
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(body) && body.length % 4 === 0;
  if (!isBase64) return `is not base64: it starts with ${quote(text, 20)}`;
  const bytes = Buffer.from(body, "base64");
  if (bytes.length === RAW_LENGTH && bytes[0] !== DER_SEQUENCE) {
    return "holds the 64 raw bytes of the IEEE P1363 form, and ASN.1 DER is wanted";
  }
  return isTwoIntegers(bytes) ? bytes : "is no whole signature in ASN.1 DER: it was cut, or is something else";
}

/** A sequence of the two halves of a signature, and nothing behind it. */
function isTwoIntegers(bytes: Uint8Array): boolean {
  if (bytes[0] !== DER_SEQUENCE || bytes[1] !== bytes.length - 2) return false;
  const second = endOfInteger(bytes, 2);
  return second !== undefined && endOfInteger(bytes, second) === bytes.length;
}

function endOfInteger(bytes: Uint8Array, start: number): number | undefined {
  const length = bytes[start + 1] ?? 0;
  const isInteger = bytes[start] === DER_INTEGER && length > 0 && length <= HALF_LENGTH + 1;
  return isInteger ? start + 2 + length : undefined;
}

function malformed(place: string, what: string): UpdateError {
  return signatureError(
    `\`${place}\` ${what}`,
    "make it with `cosign sign-blob --key KEY ARCHIVE`, or `openssl dgst -sha256 -sign KEY ARCHIVE | base64 -w0`",
  );
}

function signatureError(message: string, hint: string): UpdateError {
  return new UpdateError("E_SIGNATURE", message, { hint });
}
