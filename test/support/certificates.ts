import "reflect-metadata";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate authority of a test: what a client is to trust, and the certificates that it signs. */
export interface Authority {
  /** The certificate of the authority, as PEM. */
  ca: string;
  /** A server certificate for `names` (host names and IP addresses), valid now unless told otherwise. */
  issue(names?: readonly string[], validity?: Validity): Promise<ServerCertificate>;
  /** A certificate that a client shows. */
  issueClient(commonName: string): Promise<ServerCertificate>;
}

/** All PEM: what a TLS server presents, and the authority behind it. */
export interface ServerCertificate {
  ca: string;
  cert: string;
  key: string;
}

export type Validity = keyof typeof VALIDITY_DAYS;

export const LOCAL_NAMES = ["127.0.0.1", "::1", "localhost"] as const;

const VALIDITY_DAYS = {
  current: [-1, 30],
  expired: [-30, -1],
  "not yet valid": [10, 30],
} satisfies Record<string, [from: number, until: number]>;
const DAY_MS = 24 * 60 * 60 * 1000;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Makes an authority of its own key, so two of them never trust each other. More of its name may follow, as in `A,O=B`. */
export async function makeAuthority(commonName = "Test authority"): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    ...period("current"),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const ca = `${certificate.toString("pem")}\n`;
  const sign = async (commonName: string, validity: Validity, extensions: readonly Extension[]) => {
    const own = await makeKeys();
    const leaf = await X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: certificate.subject,
      ...period(validity),
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [new BasicConstraintsExtension(false, undefined, true), ...extensions],
    });
    return { ca, cert: `${leaf.toString("pem")}\n`, key: await privateKeyPem(own.privateKey) };
  };
  return {
    ca,
    issue: (names = LOCAL_NAMES, validity = "current") =>
      sign(names[0] ?? "nobody", validity, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
        ),
      ]),
    issueClient: (commonName) =>
      sign(commonName, "current", [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]),
  };
}

function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function period(validity: Validity): { notBefore: Date; notAfter: Date } {
  const [from, until] = VALIDITY_DAYS[validity];
  const now = Date.now();
  return { notBefore: new Date(now + from * DAY_MS), notAfter: new Date(now + until * DAY_MS) };
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}
