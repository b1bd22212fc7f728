import type { P256Signer } from "../p256-signer.ts";
import { fipsError, runProgram } from "./host-program.ts";
import { lendFiles } from "./lent-files.ts";
import { askOpenssl, BY_MODULE, OPENSSL } from "./openssl.ts";
import { parseP256Key } from "./p256.ts";

/** As of the ordinary variant, but each signature differs from the last, as the module chooses its own secret number. */
export function parseP256Signer(pem: string): P256Signer | undefined {
  // A key with a password is none, and nobody is there to be asked for it.
  const publicPem = askOpenssl(["pkey", "-pubout", "-passin", "pass:"], Buffer.from(pem));
  const key = publicPem && parseP256Key(publicPem.toString());
  return key && { key, sign: (digest) => sign(pem, digest) };
}

function sign(pem: string, digest: Uint8Array): Uint8Array {
  using lent = lendFiles([pem], 3);
  const [keyFile = ""] = lent.paths;
  const { exitCode, stdout } = runProgram([OPENSSL, "pkeyutl", "-sign", ...BY_MODULE, "-inkey", keyFile], {
    input: digest,
    descriptors: lent.descriptors,
  });
  if (exitCode === 0 && stdout.length > 0) return stdout;
  throw fipsError(`\`${OPENSSL} pkeyutl -sign\` cannot sign by a FIPS module`);
}

/** As of the ordinary variant. Fails with `E_FIPS`. */
export function makeP256Pair(): { privatePem: string; publicPem: string } {
  const made = askOpenssl([
    ...["genpkey", ...BY_MODULE, "-algorithm", "EC"],
    ...["-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
  ]);
  const publicPem = made && askOpenssl(["pkey", "-pubout"], made);
  if (made === undefined || publicPem === undefined) {
    throw fipsError(`\`${OPENSSL} genpkey\` cannot make a key by a FIPS module`);
  }
  return { privatePem: made.toString(), publicPem: publicPem.toString() };
}
