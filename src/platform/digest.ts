import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** SHA-256 of something small; archives are hashed as they stream, see `stream-digest.ts`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}
