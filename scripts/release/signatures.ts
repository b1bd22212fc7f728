import { readFileSync } from "node:fs";
import { join } from "node:path";
import { signatureText } from "../../src/mirror/site-key.ts";
import { isSignedBy } from "../../src/platform/p256.ts";
import { digestOf, readSums, SUMS } from "./digests.ts";
import type { ReleasePlan } from "./release-plan.ts";

/**
 * With a key, writes `<name>.sig` for each file of `SHA256SUMS` and for that list, as upstream's: base64 of ECDSA in DER over the
 * file. What is signed is what the list says, as that was verified; then each signature is read back, and must be of the
 * file as it is by the public half of the key.
 */
export async function writeSignatures({ folder, signer }: ReleasePlan): Promise<void> {
  if (signer === undefined) return;
  const digests = readSums(folder).set(SUMS, await digestOf(join(folder, SUMS)));
  for (const [name, digest] of digests) {
    const path = join(folder, name);
    await Bun.write(`${path}.sig`, signatureText(signer, digest));
    const signature = Buffer.from(readFileSync(`${path}.sig`, "latin1"), "base64");
    if (!isSignedBy(signer.key, Buffer.from(await digestOf(path), "hex"), signature))
      throw new Error(`\`${name}.sig\` is no signature of \`${name}\` by ${signer.key.id}`);
  }
  console.log(`      ${digests.size} signatures by ${signer.key.id}`);
}
