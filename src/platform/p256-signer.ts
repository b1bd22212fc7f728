import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { type P256Key, parseP256Key } from "./p256.ts";

/** A private key on the curve P-256, and the public one that belongs to it. */
export interface P256Signer {
  key: P256Key;
  /** ECDSA in ASN.1 DER of the message with this SHA-256 digest; the same digest gives the same signature (RFC 6979). */
  sign(digest: Uint8Array): Uint8Array;
}

/** Reads a private key without a password in PEM form, PKCS #8 or SEC 1; undefined when it is none on P-256. */
export function parseP256Signer(pem: string): P256Signer | undefined {
  try {
    const secret = createPrivateKey({ key: pem, format: "pem" });
    const key = parseP256Key(String(createPublicKey(secret).export({ type: "spki", format: "pem" })));
    const scalar = Buffer.from(secret.export({ format: "jwk" }).d ?? "", "base64url");
    if (key === undefined) return undefined;
    // `node:crypto` signs messages only, and here an archive is known by its digest.
    return { key, sign: (digest) => p256.sign(digest, scalar, { prehash: false, format: "der" }) };
  } catch {
    return undefined;
  }
}

/** A new pair of keys in PEM form: PKCS #8, and SubjectPublicKeyInfo. */
export function makeP256Pair(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privatePem: String(privateKey.export({ type: "pkcs8", format: "pem" })),
    publicPem: String(publicKey.export({ type: "spki", format: "pem" })),
  };
}
