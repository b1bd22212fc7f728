import { runProgram } from "./host-program.ts";
import { lendFiles } from "./lent-files.ts";
import { DIGEST_ARGV, inBatches, requireDigest, requireDigests } from "./openssl.ts";

/** As of the ordinary variant, by the host's module. Fails with `E_FIPS`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return requireDigest(runProgram(DIGEST_ARGV, { input: bytes }).stdout);
}

/** As of the ordinary variant: the self-tests of a module at the start of each program may take 100 ms. Fails with `E_FIPS`. */
export function sha256Each(parts: readonly Uint8Array[]): Uint8Array[] {
  return inBatches(parts).flatMap((batch) => {
    using lent = lendFiles(batch, 3);
    const { stdout } = runProgram([...DIGEST_ARGV, ...lent.paths], { descriptors: lent.descriptors });
    return requireDigests(stdout, batch.length);
  });
}
