import { createPublicKey } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "./digest.ts";

/** A public key on the curve P-256. */
export interface P256Key {
  /** `SHA256:` and the base64 digest of the key in DER form, as `openssl pkey -pubin -outform DER | sha256sum` has it in hex. */
  id: string;
  /** Uncompressed: 4, x, y. */
  point: Uint8Array;
}

/** Reads one PEM block, `-----BEGIN PUBLIC KEY-----`; undefined when it is no such key. */
export function parseP256Key(pem: string): P256Key | undefined {
  try {
    const key = createPublicKey({ key: pem, format: "pem" });
    const { kty, crv, x = "", y = "" } = key.export({ format: "jwk" });
    if (kty !== "EC" || crv !== "P-256") return undefined;
    const der = key.export({ format: "der", type: "spki" });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
    return { id: `SHA256:${Buffer.from(sha256(der)).toString("base64")}`, point };
  } catch {
    return undefined;
  }
}

/**
 * Whether `signature`, ECDSA in ASN.1 DER, is of the message with this SHA-256 digest by this key. Both halves of the
 * signature may be of either sign, as OpenSSL and Go make them.
 */
export function isSignedBy(key: P256Key, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    return p256.verify(signature, digest, key.point, { prehash: false, format: "der", lowS: false });
  } catch {
    return false;
  }
}
