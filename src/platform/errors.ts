/**
 * Every failure that the tool expects, under a stable code. `docs/errors.md` is generated from this table, so a code
 * is an interface: scripts match on it, and it never changes its meaning. Nobody matches on the text of a message.
 */
export const ERROR_CODES = {
  E_USAGE: "the command line has an unknown flag, an unexpected word, a missing value or a bad value",
  E_NOT_ROOT: "the command changes the host and was not started as root",
  E_NAMESPACE: "the install suffix or the install directory is not usable",
  E_LOCK_BUSY: "another updater holds the lock of this namespace",
  E_LOCK: "the lock file cannot be opened or locked",
  E_CONFIG_READ: "`update.yaml` cannot be opened or parsed, or is of another kind or version",
  E_CONFIG_WRITE: "`update.yaml` cannot be written",
  E_OPTIONS_READ: "a file of options that the updater keeps beside `update.yaml` cannot be read or parsed",
  E_BASE_URL: "the base URL is not an https URL, or none is set where one is required",
  E_PROXY_ADDRESS: "no proxy address is known, or it cannot be parsed",
  E_PROXY_CONFLICT: "the proxy given differs from the proxy in `teleport.yaml`",
  E_FIND: "the proxy answered something else than a usable `find` answer",
  E_NO_TARGET: "the cluster advertises no agent version",
  E_HELD_BACK: "a limit that this host keeps, like `--max-version`, forbids the version",
  E_VERSION: "a version is not a valid semantic version",
  E_NETWORK: "a server could not be reached, or the connection broke",
  E_TIMEOUT: "a server did not answer in time",
  E_TLS: "the certificate of a server is not trusted, expired, or of another name",
  E_CONNECT_PROXY: "the HTTP CONNECT proxy could not be reached, or refused",
  E_NO_PROXY_ENV: "`--proxy-env` was given, and no variable names a CONNECT proxy that could be kept",
  E_TRUST_STORE: "the host has no usable store of certificate authorities",
  E_CREDENTIALS: "a file with credentials for a mirror is missing, malformed, or may be read by others",
  E_DOWNLOAD: "a release could not be downloaded",
  E_CHECKSUM: "the checksum of a release is missing, malformed or not given out, or the archive differs from it",
  E_CHANGED: "a release changed on the server while it was downloaded",
  E_SIGNATURE: "the signature of a release is missing or malformed, or not by a trusted key",
  E_TRUSTED_KEY: "a file of trusted keys is missing, holds something else, or may be written by others",
  E_ARCHIVE: "an archive is damaged, or holds something that no release holds",
  E_OTHER_VERSION: "a release says itself that it is another version than the one that was asked for",
  E_NO_SPACE: "a file system has too little free space",
  E_STILL_LINKED: "a version is still linked, so it is not replaced or removed",
  E_PROGRAM: "a program of a release cannot run on this host",
  E_NO_PROGRAMS: "a release holds no program that can be linked",
  E_FILE_PRESENT: "a file that the updater did not make is where a link must go",
  E_IRREGULAR_FILE: "something else than a regular file is where a unit must go",
  E_SYSTEMD: "systemd refused or failed a request",
  E_BROKEN_RELEASE: "a release failed in its setup or did not come up; the host was put back, and the timer skips it",
  E_UNHEALTHY: "a service did not come up after its reload",
  E_SOCKET: "a service gave no usable answer on its socket",
  E_SETUP: "the setup step of a release failed",
  E_UNIT: "a unit cannot be written as asked",
  E_NEEDS_FORCE: "nothing of Teleport would be left on this host, and `--force` was not given",
  E_STILL_RUNNING: "the agent or the bot still runs from what is to be removed",
  E_NOT_INSTALLED: "this namespace was not installed by the updater",
  E_UNREADABLE_FILE: "a file is not a regular file, is too large, or may have been planted",
  E_OPEN_PLACE: "somebody else than root may replace a folder or file that the updater relies on",
  E_PATH: "a path is not usable, or leaves the directory it must stay in",
  E_IO: "the operating system refused to read or write a file",
  E_PROCESS: "a program could not be started, or failed",
  E_CANCELED: "the run was interrupted",
  E_JOURNAL: "the journal of an interrupted run is damaged, planted, or of a newer release",
  E_ROLLBACK: "a change could not be undone",
  E_SIGNING_KEY: "the private key that a site signs with is missing, malformed, or may be read by others",
  E_MIRROR: "a mirror, a bundle or an index is damaged, incomplete, or of another kind",
  E_SERVE: "a mirror cannot be served: its address, its certificate, or the rights to serve it with are not usable",
  E_FIPS: "the FIPS variant runs on a host that is not in FIPS mode, or whose module does not answer",
  E_INTERNAL: "a defect of the updater itself",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

interface UpdateErrorOptions {
  /** What the operator can do about it, with the exact command where there is one. */
  hint?: string;
  cause?: unknown;
  /** The same may succeed a little later, but not before so many milliseconds; absent for what lasts. */
  retryAfterMs?: number | undefined;
}

/** The one error class of expected failures: `code` is stable, `message` names what failed and where, `hint` what to do. */
export class UpdateError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: UpdateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "UpdateError";
    this.code = code;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True when `error` is an `UpdateError` of one of `codes`. */
export function isUpdateError(error: unknown, ...codes: ErrorCode[]): error is UpdateError {
  return error instanceof UpdateError && (codes.length === 0 || codes.includes(error.code));
}

/** Whether `action` ends without an `UpdateError`; anything else that it throws is a defect, and goes on. */
export function succeeds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (isUpdateError(error)) return false;
    throw error;
  }
}

/** The `code` of an error of the operating system (`ENOENT`), or undefined for any other value. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
