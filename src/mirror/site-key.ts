import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isUpdateError, systemErrorCode, UpdateError } from "../platform/errors.ts";
import { FILE_MODE, type Files } from "../platform/files.ts";
import type { P256Signer } from "../platform/p256-signer.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import { INDEX_FILE } from "./index-file.ts";

const KEY_LIMIT = 1 << 14;
const PRIVATE_MODE = 0o600;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * The key that a site signs with, from a PEM file that nobody else may read: EC P-256, without a password. Fails with
 * `E_SIGNING_KEY`, which names the file and never what it holds.
 */
export async function readSiteKey(files: Files, path: string): Promise<P256Signer> {
  const text = readPrivate(files, path);
  const { parseP256Signer } = await import("#variant/p256-signer");
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
 * `E_SIGNING_KEY` when one of them is there, and in the folder of a mirror, which a web server shows to everybody.
 */
export async function writeSiteKey(files: Files, path: string): Promise<SiteKey> {
  const publicFile = `${path}.pub`;
  if (files.stat(join(dirname(path), INDEX_FILE)) !== undefined) {
    throw keyError(
      `\`${dirname(path)}\` is a mirror, and what lies in it is served`,
      "name a file elsewhere with `--to FILE`",
    );
  }
  const [{ makeP256Pair }, { parseP256Key }] = await Promise.all([
    import("#variant/p256-signer"),
    import("#variant/p256"),
  ]);
  const { privatePem, publicPem } = makeP256Pair();
  await writeNew(files, path, privatePem, PRIVATE_MODE);
  try {
    await writeNew(files, publicFile, publicPem, FILE_MODE);
  } catch (error) {
    files.removeFile(path);
    throw error;
  }
  return { id: parseP256Key(publicPem)?.id ?? "", privateFile: path, publicFile };
}

/** Two runs at once make one pair: the file is there for one of them. */
async function writeNew(files: Files, path: string, text: string, mode: number): Promise<void> {
  const file = await attemptAsync("write", path, () => open(files.real(path), NEW_FILE, mode).catch(orPresent(path)));
  try {
    await attemptAsync("write", path, async () => {
      await file.writeFile(text);
      await file.chmod(mode);
      await file.sync();
    });
  } catch (error) {
    files.removeFile(path);
    throw error;
  } finally {
    await file.close();
  }
  files.settle(path);
}

function orPresent(path: string): (error: unknown) => never {
  return (error) => {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    throw keyError(`\`${path}\` is there already`, "name another file with `--to FILE`");
  };
}

function readPrivate(files: Files, path: string): string {
  const text = readOwn(files, path);
  if (text === undefined) throw keyError(`the signing key \`${path}\` does not exist`, "name another file");
  if (isPublic(text)) {
    throw keyError(
      `\`${path}\` holds the public key`,
      "name the private one, which `mirror keygen` made without `.pub`",
    );
  }
  const mode = files.stat(path)?.mode ?? 0;
  if ((mode & 0o077) === 0) return text;
  throw keyError(
    `\`${path}\` can be read by others than its owner: its mode is ${mode.toString(8)}`,
    `\`chmod 0600 ${path}\`; if others may have read it, make another key and give its public half to the hosts`,
  );
}

/** Asked before the mode, as a public key is for everybody. */
function isPublic(text: string): boolean {
  return text.includes("-----BEGIN PUBLIC KEY-----") && !text.includes("PRIVATE KEY-----");
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
