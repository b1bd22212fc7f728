import type { P256Key } from "../p256.ts";
import { sha256 } from "./digest.ts";
import { fipsError, runProgram } from "./host-program.ts";
import { lendFiles } from "./lent-files.ts";
import { askOpenssl, BY_MODULE, OPENSSL } from "./openssl.ts";

/** What comes before the point in the DER form of every such key. */
const DER_START = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const POINT_LENGTH = 65;

/** As of the ordinary variant, read by the host's `openssl`. */
export function parseP256Key(pem: string): P256Key | undefined {
  const args = ["pkey", "-pubin", "-ec_conv_form", "uncompressed", "-outform", "DER"];
  const der = askOpenssl(args, Buffer.from(pem));
  const isP256 = der?.length === DER_START.length + POINT_LENGTH && der.subarray(0, DER_START.length).equals(DER_START);
  if (!isP256) return undefined;
  return { id: `SHA256:${Buffer.from(sha256(der)).toString("base64")}`, point: der.subarray(DER_START.length) };
}

/** As of the ordinary variant, by the host's module. Fails with `E_FIPS` when that gives no answer. */
export function isSignedBy(key: P256Key, digest: Uint8Array, signature: Uint8Array): boolean {
  using lent = lendFiles([Buffer.concat([DER_START, key.point]), signature], 3);
  const [keyFile = "", signatureFile = ""] = lent.paths;
  const { exitCode, stdout } = runProgram(
    [
      OPENSSL,
      "pkeyutl",
      "-verify",
      ...BY_MODULE,
      "-pubin",
      "-keyform",
      "DER",
      "-inkey",
      keyFile,
      "-sigfile",
      signatureFile,
    ],
    { input: digest, descriptors: lent.descriptors },
  );
  const said = stdout.toString();
  if (exitCode === 0 && said.startsWith("Signature Verified Successfully")) return true;
  if (exitCode !== 0 && said.startsWith("Signature Verification Failure")) return false;
  throw fipsError(`\`${OPENSSL} pkeyutl -verify\` cannot check a signature by a FIPS module`);
}
