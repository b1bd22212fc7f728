import { isUpdateError, systemErrorCode, UpdateError } from "./errors.ts";
import type { Files } from "./files.ts";

/** The certificate authorities that servers are checked against. */
export interface TrustStore {
  /** The certificates, and nothing else, one after the other. */
  pem: string;
  /** The files that they come from, for messages. */
  files: readonly string[];
}

/** Where the distributions keep the bundle that `update-ca-certificates` or `update-ca-trust` makes. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL, Fedora, Amazon Linux
  "/etc/pki/tls/certs/ca-bundle.crt", // older RHEL
  "/var/lib/ca-certificates/ca-bundle.pem", // SUSE
  "/etc/ssl/ca-bundle.pem", // older SUSE
  "/etc/ssl/cert.pem", // Alpine without the package ca-certificates
] as const;

/** The bundle of a distribution has about 250 kB. */
const BUNDLE_LIMIT = 4 << 20;
const CA_FILE_LIMIT = 1 << 20;

/**
 * Reads the host's bundle (the first that holds a certificate) and, after it, `caFile`. Fails with `E_TRUST_STORE` when
 * `caFile` holds no certificate or a damaged one, or when there is no certificate at all: without a store nothing is trusted.
 */
export function readTrustStore(files: Files, caFile?: string): TrustStore {
  const own = caFile === undefined ? undefined : readCaFile(files, caFile);
  const host = readBundle(files);
  const stores = [host, own].filter((store) => store !== undefined);
  if (stores.length > 0) {
    return { pem: stores.map((store) => store.pem).join(""), files: stores.flatMap((store) => store.files) };
  }
  throw new UpdateError(
    "E_TRUST_STORE",
    `no certificate authorities in ${BUNDLES.map((path) => `\`${path}\``).join(", ")}`,
    {
      hint: "install the package `ca-certificates`, or name a file of certificates with `--ca-file FILE`",
    },
  );
}

function readBundle(files: Files): TrustStore | undefined {
  for (const path of BUNDLES) {
    // A distribution's own bundle is not judged: an entry that cannot be read is trusted no more than a missing one.
    const certificates = findCertificates(files.readText(path, BUNDLE_LIMIT, "mark") ?? "").filter(isWhole);
    if (certificates.length > 0) return { pem: certificates.join(""), files: [path] };
  }
  return undefined;
}

/** Whoever may write it decides whom root trusts. */
function readOwnFile(files: Files, path: string): string | undefined {
  try {
    return files.readOwnFollowed(path, CA_FILE_LIMIT, "mark");
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    throw new UpdateError("E_TRUST_STORE", error.message, { hint: remedyFor(error, path), cause: error });
  }
}

function remedyFor(error: UpdateError, path: string): string {
  if (systemErrorCode(error.cause) === "EACCES") {
    return `certificates are no secret: let everybody read them, \`chmod a+r ${path}\`, or run the command as root`;
  }
  if (error.code !== "E_UNREADABLE_FILE") return error.hint ?? "name another file with `--ca-file FILE`";
  return `see that it is of root and that nobody else may write it: \`chown root:root ${path}; chmod go-w ${path}\``;
}

function readCaFile(files: Files, path: string): TrustStore {
  const text = readOwnFile(files, path);
  const certificates = findCertificates(text ?? "");
  if (certificates.length > 0 && certificates.every(isWhole)) return { pem: certificates.join(""), files: [path] };
  const reason =
    text === undefined
      ? "does not exist"
      : certificates.length === 0
        ? "holds no certificate"
        : "holds a damaged certificate";
  throw new UpdateError("E_TRUST_STORE", `the file of certificate authorities \`${path}\` ${reason}`, {
    hint: "name a file with certificates in PEM form (`-----BEGIN CERTIFICATE-----`) with `--ca-file FILE`",
  });
}

/** Only the blocks: a damaged one would make all connections fail, with a message about something else. */
function findCertificates(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => `${block}\n`);
}

const DER_SEQUENCE = 0x30;
/** How many bytes the size takes, by the byte before it; a certificate never has fewer than 128 bytes, or 64 kB. */
const DER_SIZE_BYTES: Record<number, number> = { 129: 1, 130: 2 };

/** Whether a block is base64 of one DER sequence that ends where it says. */
function isWhole(block: string): boolean {
  const body = block.split("-----")[2] ?? "";
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(body)) return false;
  const der = Buffer.from(body, "base64");
  const sizeBytes = DER_SIZE_BYTES[der[1] ?? 0];
  if (der[0] !== DER_SEQUENCE || sizeBytes === undefined || der.length < 2 + sizeBytes) return false;
  return der.length === 2 + sizeBytes + der.readUIntBE(2, sizeBytes);
}
