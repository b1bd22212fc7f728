import { judgePair } from "#variant/key-pair";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { shellWord } from "../platform/quote.ts";

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
  requireInOrder(paths, { cert, key });
  if (((files.statFollowed(paths.key)?.mode ?? 0) & READABLE_BY_ALL) !== 0) {
    throw unusable(
      paths.key,
      "everybody may read it",
      `close it, and think of making another: \`chmod o= ${paths.key}\``,
    );
  }
  const pair = judgePair(cert, key);
  switch (pair.kind) {
    case "unreadable": {
      const isKey = pair.which === "key";
      const what = isKey ? "no private key, or one with a password" : "no certificate";
      throw unusable(isKey ? paths.key : paths.cert, `it holds ${what}`, "name a file in PEM form", pair.cause);
    }
    case "strangers":
      throw unusable(
        paths.key,
        `it does not belong to the certificate in \`${paths.cert}\``,
        "name the key of the certificate",
      );
    case "pair":
      if (pair.validTo < now)
        throw unusable(paths.cert, `it was valid until ${pair.validTo.toISOString()}`, "renew it");
      return { cert, key };
  }
}

/** Asked before the mode, as a certificate is for everybody. */
function requireInOrder(paths: { cert: string; key: string }, { cert, key }: { cert: string; key: string }): void {
  if (hasCertificate(cert) || hasKey(key) || !hasKey(cert) || !hasCertificate(key)) return;
  throw unusable(
    paths.cert,
    `it holds a private key, and \`${paths.key}\` a certificate: they seem to be swapped`,
    `say \`--tls-cert ${shellWord(paths.key)} --tls-key ${shellWord(paths.cert)}\``,
  );
}

const hasCertificate = (text: string) => text.includes("-----BEGIN CERTIFICATE-----");
const hasKey = (text: string) => text.includes("PRIVATE KEY-----");

function readPem(files: Files, path: string): string {
  const text = files.readText(path, PEM_LIMIT);
  if (text === undefined) throw unusable(path, "it does not exist", "name a file in PEM form");
  return text;
}

function unusable(path: string, reason: string, hint: string, cause?: unknown): UpdateError {
  return new UpdateError("E_SERVE", `cannot serve with \`${path}\`: ${reason}`, { hint, cause });
}
