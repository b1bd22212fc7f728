import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** SHA-256 of something small; archives are hashed as they stream, see `stream-digest.ts`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}

/** SHA-256 of each of several small things: where a program does it, one run does for all. */
export function sha256Each(parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.map(sha256);
}
