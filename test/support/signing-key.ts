import { createSign, generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { MadeRelease } from "./release-maker.ts";

/** A key that releases are signed with, as their makers have one. */
export interface SigningKey {
  /** What an operator gives as `--trusted-key`. */
  publicPem: string;
  /** Puts `<archive>.sig` beside an archive: base64 of an ASN.1 DER signature. */
  sign(release: MadeRelease): void;
}

export function makeSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    publicPem: String(publicKey.export({ type: "spki", format: "pem" })),
    sign({ archive }) {
      const signature = createSign("sha256").update(readFileSync(archive)).sign(privateKey);
      writeFileSync(`${archive}.sig`, signature.toString("base64"));
    },
  };
}
