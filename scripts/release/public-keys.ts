import { readFileSync } from "node:fs";
import { parseP256Key } from "../../src/platform/p256.ts";

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g;

/**
 * The keys in these PEM files as one text, to be built into an executable. Each file must hold public keys on P-256, at least one,
 * and nothing besides: half a key would be one fewer that is trusted, and a private key would be published. Fails with the
 * name of the file, and never with what it holds.
 */
export function readPublicKeys(paths: readonly string[]): string {
  return paths.map((path) => publicKeysIn(path, readKeyFile(path))).join("");
}

function publicKeysIn(path: string, text: string): string {
  if (text.includes("PRIVATE KEY"))
    throw new Error(`\`${path}\` holds a private key: name its public half, beside which nothing may stand`);
  const blocks = text.match(PUBLIC_KEY) ?? [];
  if (blocks.length === 0) throw new Error(`\`${path}\` holds no public key in PEM form`);
  if (text.replace(PUBLIC_KEY, "").trim() !== "")
    throw new Error(`\`${path}\` holds something besides whole public keys in PEM form`);
  if (blocks.some((block) => parseP256Key(block) === undefined))
    throw new Error(`\`${path}\` holds a public key of another kind: ECDSA keys on P-256 are needed`);
  return blocks.map((block) => `${block}\n`).join("");
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`the trusted key \`${path}\` cannot be read`, { cause: error });
  }
}
