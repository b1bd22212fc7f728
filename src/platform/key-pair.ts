import { createPrivateKey, X509Certificate } from "node:crypto";

/** What a certificate and a key, both in PEM form, are to each other. */
export type KeyPair =
  | { kind: "pair"; validTo: Date }
  | { kind: "strangers" }
  | { kind: "unreadable"; which: "certificate" | "key"; cause?: unknown };

/** Only the first certificate counts; behind it may be the chain. A key with a password cannot be read. */
export function judgePair(cert: string, key: string): KeyPair {
  const certificate = tryTo(() => new X509Certificate(cert));
  if ("cause" in certificate) return { kind: "unreadable", which: "certificate", cause: certificate.cause };
  const secret = tryTo(() => createPrivateKey(key));
  if ("cause" in secret) return { kind: "unreadable", which: "key", cause: secret.cause };
  const { validToDate } = certificate.value;
  return certificate.value.checkPrivateKey(secret.value)
    ? { kind: "pair", validTo: validToDate }
    : { kind: "strangers" };
}

function tryTo<T>(read: () => T): { value: T } | { cause: unknown } {
  try {
    return { value: read() };
  } catch (cause) {
    return { cause };
  }
}
