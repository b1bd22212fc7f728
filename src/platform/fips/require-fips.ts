import { readFileSync } from "node:fs";
import { askProgram, fipsError } from "./host-program.ts";
import { DIGEST_ARGV, OPENSSL } from "./openssl.ts";

export const CURL = "/usr/bin/curl";

const KERNEL_FLAG = "/proc/sys/crypto/fips_enabled";
/** FIPS 180-4: the digest of `abc`. */
const [MESSAGE, KNOWN_ANSWER] = ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"];

/**
 * Shows that this host is in FIPS mode and that both programs work with its module; nothing leads around it. Fails with
 * `E_FIPS`.
 */
export async function requireFipsPrograms(): Promise<void> {
  if (!isKernelInFipsMode()) throw fipsError(`the kernel is not in FIPS mode: \`${KERNEL_FLAG}\` is not 1`);
  const [, listing, openssl, curl] = await Promise.all([
    requireFips(),
    askProgram([OPENSSL, "list", "-providers"]),
    libraryOf([OPENSSL, "version"]),
    libraryOf([CURL, "--version"]),
  ]);
  if (!hasActiveProvider(listing.stdout.toString())) {
    throw fipsError(`\`${OPENSSL} list -providers\` shows no active FIPS provider`);
  }
  if (curl === undefined) throw fipsError(`\`${CURL}\` of this host does not use OpenSSL`);
  if (curl === openssl) return;
  // Another library has another module, or none.
  throw fipsError(`\`${CURL}\` uses OpenSSL ${curl}, and \`${OPENSSL}\` is ${openssl ?? "of no known version"}`);
}

/**
 * Shows that the host is in FIPS mode now: the kernel says so, a FIPS provider gives a right digest, and what it must not do
 * is refused to programs that do not ask for it, as `curl` does not. Fails with `E_FIPS`.
 */
export async function requireFips(): Promise<void> {
  if (!isKernelInFipsMode()) throw fipsError(`the kernel is not in FIPS mode: \`${KERNEL_FLAG}\` is not 1`);
  const [allowed, forbidden] = await Promise.all([
    askProgram(DIGEST_ARGV, { input: Buffer.from(MESSAGE) }),
    askProgram([OPENSSL, "dgst", "-md5"]),
  ]);
  if (allowed.stdout.toString("hex") !== KNOWN_ANSWER) {
    throw fipsError(`no active FIPS provider digests for \`${DIGEST_ARGV.join(" ")}\``);
  }
  if (forbidden.exitCode === 0) {
    throw fipsError(`\`${OPENSSL}\` computes MD5 when asked, so its default is not \`fips=yes\``);
  }
}

/** Whether a provider that calls itself one of FIPS is active, in the listing of `openssl list -providers`. */
export function hasActiveProvider(listing: string): boolean {
  // The name of each stands at two blanks, what is known of it behind it at four.
  return listing
    .split(/^ {2}(?=\S)/m)
    .some((provider) => /^ +name: .*\bFIPS\b/m.test(provider) && /^ +status: active$/m.test(provider));
}

function isKernelInFipsMode(): boolean {
  try {
    return readFileSync(KERNEL_FLAG, "utf8").trim() === "1";
  } catch {
    return false;
  }
}

/** `3.5.1`, of the library that the program runs with. */
async function libraryOf(argv: readonly [string, string]): Promise<string | undefined> {
  const { stdout } = await askProgram(argv);
  return libraryIn(stdout.toString());
}

/** Reads the first line of a version. A curl with several libraries has those in brackets that it does not use. */
export function libraryIn(version: string): string | undefined {
  const first = version.split("\n")[0] ?? "";
  return /Library: OpenSSL (\d[\w.]*)/.exec(first)?.[1] ?? /(?:^|\s)OpenSSL[ /](\d[\w.]*)/.exec(first)?.[1];
}
