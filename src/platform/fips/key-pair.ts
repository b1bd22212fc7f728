import type { KeyPair } from "../key-pair.ts";
import { askOpenssl } from "./openssl.ts";

/** As of the ordinary variant, read by the host's `openssl`. */
export function judgePair(cert: string, key: string): KeyPair {
  const certificate = askOpenssl(["x509", "-noout", "-enddate", "-pubkey"], Buffer.from(cert))?.toString();
  if (certificate === undefined) return { kind: "unreadable", which: "certificate" };
  // It would ask for a password, and nobody is there to be asked.
  const secret = askOpenssl(["pkey", "-pubout", "-passin", "pass:"], Buffer.from(key))?.toString();
  if (secret === undefined) return { kind: "unreadable", which: "key" };
  const [, validTo = ""] = /^notAfter=(.*)$/m.exec(certificate) ?? [];
  return certificate.includes(secret) ? { kind: "pair", validTo: new Date(validTo) } : { kind: "strangers" };
}
