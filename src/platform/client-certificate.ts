import { createPrivateKey, X509Certificate } from "node:crypto";

/** Why a certificate and a key, both in PEM form, cannot be shown to a server; undefined when they are a pair. */
export function whyNoPair(cert: string, key: string): string | undefined {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? undefined : "do not belong together";
  } catch {
    return "cannot be read";
  }
}
