import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";

const PEM_LIMIT = 1 << 20;
const READABLE_BY_ALL = 0o004;

/**
 * Reads what a server shows in the handshake: its certificate with the chain behind it, and the key. Fails with `E_SERVE` when
 * one is missing, damaged or out of date, when they do not belong together, or when everybody may read the key.
 */
export function readServerCertificate(
  files: Files,
  paths: { cert: string; key: string },
  now: Date,
): { cert: string; key: string } {
  const [cert, key] = [readPem(files, paths.cert), readPem(files, paths.key)];
  if (((files.statFollowed(paths.key)?.mode ?? 0) & READABLE_BY_ALL) !== 0) {
    throw unusable(
      paths.key,
      "everybody may read it",
      `close it, and think of making another: \`chmod o= ${paths.key}\``,
    );
  }
  const leaf = read(paths.cert, "no certificate", () => new X509Certificate(cert));
  if (!leaf.checkPrivateKey(privateKey(paths.key, key))) {
    throw unusable(
      paths.key,
      `it does not belong to the certificate in \`${paths.cert}\``,
      "name the key of the certificate",
    );
  }
  if (leaf.validToDate < now) {
    throw unusable(paths.cert, `it was valid until ${leaf.validToDate.toISOString()}`, "renew it");
  }
  return { cert, key };
}

function privateKey(path: string, pem: string): KeyObject {
  return read(path, "no private key, or one with a password", () => createPrivateKey(pem));
}

function readPem(files: Files, path: string): string {
  const text = files.readText(path, PEM_LIMIT);
  if (text === undefined) throw unusable(path, "it does not exist", "name a file in PEM form");
  return text;
}

function read<T>(path: string, reason: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw unusable(path, `it holds ${reason}`, "name a file in PEM form", cause);
  }
}

function unusable(path: string, reason: string, hint: string, cause?: unknown): UpdateError {
  return new UpdateError("E_SERVE", `cannot serve with \`${path}\`: ${reason}`, { hint, cause });
}
