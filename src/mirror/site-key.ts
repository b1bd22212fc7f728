import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { P256Signer } from "../platform/p256-signer.ts";

const KEY_LIMIT = 1 << 14;
const PRIVATE_MODE = 0o600;

/**
 * The key that a site signs with, from a PEM file that nobody else may read: EC P-256, without a password. Fails with
 * `E_SIGNING_KEY`, which names the file and never what it holds.
 */
export async function readSiteKey(files: Files, path: string): Promise<P256Signer> {
  const text = readPrivate(files, path);
  const { parseP256Signer } = await import("../platform/p256-signer.ts");
  const signer = parseP256Signer(text);
  if (signer !== undefined) return signer;
  throw keyError(
    `\`${path}\` holds no private key on P-256 in PEM form without a password`,
    `make one with \`teleport-update mirror keygen --to FILE\``,
  );
}

/** The text of `<archive>.sig` for the archive with this digest: base64 of ASN.1 DER, as upstream has it. */
export function signatureText(signer: P256Signer, sha256: string): string {
  return Buffer.from(signer.sign(Buffer.from(sha256, "hex"))).toString("base64");
}

/** What `writeSiteKey` made. */
export interface SiteKey {
  /** As the log names it when a release is believed by it. */
  id: string;
  privateFile: string;
  publicFile: string;
}

/**
 * Makes a new key of the site: `path` (0600), and beside it `path.pub` for the hosts. Nothing is ever replaced: fails with
 * `E_SIGNING_KEY` when one of them is there.
 */
export async function writeSiteKey(files: Files, path: string): Promise<SiteKey> {
  const publicFile = `${path}.pub`;
  const present = [path, publicFile].find((one) => files.stat(one) !== undefined);
  if (present !== undefined) throw keyError(`\`${present}\` is there already`, "name another file with `--to FILE`");
  const [{ makeP256Pair }, { parseP256Key }] = await Promise.all([
    import("../platform/p256-signer.ts"),
    import("../platform/p256.ts"),
  ]);
  const { privatePem, publicPem } = makeP256Pair();
  files.writeFile(path, privatePem, PRIVATE_MODE);
  files.writeFile(publicFile, publicPem);
  return { id: parseP256Key(publicPem)?.id ?? "", privateFile: path, publicFile };
}

function readPrivate(files: Files, path: string): string {
  const text = readOwn(files, path);
  if (text === undefined) throw keyError(`the signing key \`${path}\` does not exist`, "name another file");
  const mode = files.stat(path)?.mode ?? 0;
  if ((mode & 0o077) === 0) return text;
  throw keyError(
    `\`${path}\` can be read by others than its owner: its mode is ${mode.toString(8)}`,
    `\`chmod 0600 ${path}\`; if others may have read it, make another key and give its public half to the hosts`,
  );
}

function readOwn(files: Files, path: string): string | undefined {
  try {
    return files.readOwn(path, KEY_LIMIT);
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    throw new UpdateError("E_SIGNING_KEY", error.message, { hint: error.hint ?? "", cause: error });
  }
}

function keyError(message: string, hint: string): UpdateError {
  return new UpdateError("E_SIGNING_KEY", message, { hint });
}
