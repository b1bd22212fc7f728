import { judgePair } from "#variant/key-pair";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { ClientCertificate } from "../platform/http.ts";
import { DEFAULT_BASE_URL, isOfficialPlace } from "./base-url.ts";
import { BadNetrc, findInNetrc } from "./netrc.ts";
import type { GivenOptions, UpdaterOptions } from "./options.ts";

/** What one base URL is shown; never to go to another origin or the proxy of the cluster. */
export interface Credentials {
  headers: { Authorization?: string };
  certificate?: ClientCertificate;
}

const SECRET_LIMIT = 1 << 16;

/**
 * What the options keep for the base URL `url`, read from `files` anew; nothing for the official CDN, whoever named it. A file
 * must be of root and readable by nobody else, whether or not anything in it is shown. Fails with `E_CREDENTIALS`, which names
 * the file and what is wrong with it, and never what it holds.
 */
export function readCredentials(files: Files, options: UpdaterOptions, url: string): Credentials {
  const { netrcFile, bearerTokenFile } = options;
  const fromNetrc = netrcFile === undefined ? undefined : readNetrc(files, netrcFile, new URL(url).hostname);
  const token = bearerTokenFile === undefined ? undefined : readToken(files, bearerTokenFile);
  const certificate = readCertificate(files, options);
  if (isOfficialPlace(url)) return { headers: {} };
  if (fromNetrc !== undefined && token !== undefined) {
    throw credentialsError(
      `\`${netrcFile}\` and \`${bearerTokenFile}\` both hold something for \`${new URL(url).host}\``,
      "keep one of them: `--netrc default` or `--bearer-token-file default` forgets the other",
    );
  }
  const authorization = fromNetrc ?? token;
  return {
    headers: authorization === undefined ? {} : { Authorization: authorization },
    ...(certificate && { certificate }),
  };
}

/**
 * Reads all that the options name for `places`, and also where there are none: what cannot be used is refused when it is given,
 * and not by the first run that needs it. Fails as `readCredentials` does.
 */
export function checkCredentials(files: Files, options: UpdaterOptions, places: readonly string[]): void {
  for (const url of [DEFAULT_BASE_URL, ...places]) readCredentials(files, options, url);
}

/** Whether what is given has anything to do with credentials. */
export function concernsCredentials({
  netrcFile,
  bearerTokenFile,
  clientCertificate,
  clientKey,
}: GivenOptions): boolean {
  return [netrcFile, bearerTokenFile, clientCertificate, clientKey].some((value) => value !== undefined);
}

function readNetrc(files: Files, path: string, host: string): string | undefined {
  try {
    const entry = findInNetrc(readSecret(files, path), host);
    return entry && `Basic ${Buffer.from(`${entry.login}:${entry.password}`).toString("base64")}`;
  } catch (error) {
    if (!(error instanceof BadNetrc)) throw error;
    throw credentialsError(
      `line ${error.line} of \`${path}\` has ${error.message}`,
      "write it as curl reads it: `machine HOST login NAME password WORD`",
    );
  }
}

function readToken(files: Files, path: string): string {
  const token = readSecret(files, path).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw credentialsError(
    `\`${path}\` holds ${token === "" ? "no token" : "something else than one token"}`,
    "it must hold the token alone, in one line",
  );
}

function readCertificate(
  files: Files,
  { clientCertificate, clientKey }: UpdaterOptions,
): ClientCertificate | undefined {
  if (clientCertificate === undefined && clientKey === undefined) return undefined;
  if (clientCertificate === undefined || clientKey === undefined) {
    throw credentialsError(
      "a client certificate and its key belong together, and one of them is missing",
      "give both `--client-cert FILE` and `--client-key FILE`, or `default` for both",
    );
  }
  const cert = readPem(
    clientCertificate,
    readOwn(files, clientCertificate),
    /-----BEGIN CERTIFICATE-----/,
    "certificate",
  );
  const key = readPem(
    clientKey,
    readSecret(files, clientKey),
    /-----BEGIN (EC |RSA )?PRIVATE KEY-----/,
    "private key without a password",
  );
  const { kind } = judgePair(cert, key);
  if (kind === "pair") return { cert, key };
  throw credentialsError(
    `the client certificate \`${clientCertificate}\` and the key \`${clientKey}\` ${kind === "strangers" ? "do not belong together" : "cannot be read"}`,
    "name the two files that were made together: `openssl pkey -pubout` of the key and `openssl x509 -pubkey` of the certificate print the same",
  );
}

function readPem(path: string, text: string, begin: RegExp, what: string): string {
  if (begin.test(text)) return text;
  throw credentialsError(`\`${path}\` holds no ${what} in PEM form`, "name another file");
}

function readSecret(files: Files, path: string): string {
  const text = readOwn(files, path);
  const mode = files.statFollowed(path)?.mode ?? 0;
  if ((mode & 0o077) === 0) return text;
  throw credentialsError(
    `\`${path}\` can be read by others than its owner: its mode is ${mode.toString(8)}`,
    `\`chown root:root ${path}; chmod 0600 ${path}\`, and change what it holds, as others may have read it`,
  );
}

function readOwn(files: Files, path: string): string {
  try {
    const text = files.readOwnFollowed(path, SECRET_LIMIT);
    if (text !== undefined) return text;
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    const closing = `make it of root and of nobody else: \`chown root:root ${path}; chmod 0600 ${path}\``;
    throw credentialsError(error.message, error.code === "E_PATH" ? (error.hint ?? "") : closing);
  }
  throw credentialsError(`the file \`${path}\` does not exist`, "name another file, or `default` for none");
}

function credentialsError(message: string, hint: string): UpdateError {
  return new UpdateError("E_CREDENTIALS", message, { hint });
}
