import { fipsError, runProgram } from "./host-program.ts";

export const OPENSSL = "/usr/bin/openssl";

/**
 * Lets no other module than a FIPS one do the work: when it is gone, also since our start, there is no algorithm of that
 * property, and the program fails.
 */
export const BY_MODULE = ["-propquery", "fips=yes"];

/** Arguments of a SHA-256 over stdin; prints its 32 bytes. */
export const DIGEST_ARGV = [OPENSSL, "dgst", "-sha256", ...BY_MODULE, "-binary"] as const;

const DIGEST_LENGTH = 32;
/** Files that one run digests: all are open at a time. */
const BATCH = 100;

/** What a run over stdin printed, once it is a digest; fails with `E_FIPS`. */
export function requireDigest(printed: Uint8Array): Uint8Array {
  if (printed.length === DIGEST_LENGTH) return printed;
  throw fipsError(`\`${DIGEST_ARGV.join(" ")}\` gives no digest by a FIPS module`);
}

/** As `requireDigest`, for a run over so many files. */
export function requireDigests(printed: Uint8Array, count: number): Uint8Array[] {
  const digests = Array.from({ length: count }, (_, at) =>
    requireDigest(printed.subarray(at * DIGEST_LENGTH, (at + 1) * DIGEST_LENGTH)),
  );
  if (printed.length === count * DIGEST_LENGTH) return digests;
  throw fipsError(`\`${DIGEST_ARGV.join(" ")}\` gives more digests than it was asked for`);
}

export function inBatches<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, at) => all.slice(at * BATCH, (at + 1) * BATCH));
}

/** Runs the host's `openssl`; undefined when it says no, which is no failure of it where the input may be wrong. */
export function askOpenssl(args: readonly string[], input: Uint8Array = Buffer.of()): Buffer | undefined {
  const { exitCode, stdout } = runProgram([OPENSSL, ...args], { input });
  return exitCode === 0 ? stdout : undefined;
}
