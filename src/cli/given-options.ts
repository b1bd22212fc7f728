import { resolve } from "node:path";
import { CLEAR } from "../settings/clear-word.ts";
import { parseDuration } from "../settings/option-kinds.ts";
import type { GivenOptions } from "../settings/options.ts";
import { parseVersionBound } from "../settings/version-bound.ts";
import type { ENROLL_FLAGS } from "./enroll-flags.ts";
import { quoted, usageError } from "./flag-words.ts";
import type { CommandInput } from "./program.ts";

type Input = CommandInput<typeof ENROLL_FLAGS>;

/**
 * What the command line says about the options that are kept in `updater.yaml`; relative paths are of the working
 * directory. Base URLs after the first are mirrors, and naming one alone says that there are none. Fails with `E_USAGE`.
 */
export function givenOptions(values: Input["values"], sources: Input["sources"]): GivenOptions {
  const all: { [Name in keyof Required<GivenOptions>]: GivenOptions[Name] } = {
    caFile: path(values["ca-file"]),
    mirrors: mirrors(values["base-url"]),
    trustedKeys: paths("trusted-key", values["trusted-key"]),
    skipSignature: isTyped(sources, "insecure-skip-signature") ? values["insecure-skip-signature"] || CLEAR : undefined,
    minVersion: checked("min-version", values["min-version"], parseVersionBound, "a version like `18.2.0` or `18`"),
    maxVersion: checked("max-version", values["max-version"], parseVersionBound, "a version like `18.2.0` or `18`"),
    minAge: checked("min-age", values["min-age"], parseDuration, "a time like `72h` or `3d`"),
    noDowngrade: isTyped(sources, "downgrade") ? !values.downgrade || CLEAR : undefined,
    netrcFile: path(values.netrc),
    bearerTokenFile: path(values["bearer-token-file"]),
    clientCertificate: path(values["client-cert"]),
    clientKey: path(values["client-key"]),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The base URL that upstream reads too; empty when none is given. */
export function firstBaseUrl([first = ""]: readonly string[]): string {
  return first;
}

function mirrors(given: readonly string[]): GivenOptions["mirrors"] {
  if (firstBaseUrl(given) === "" && given.length < 2) return undefined;
  requireAlone("base-url", given);
  const [, ...others] = given;
  return others.length === 0 ? CLEAR : others;
}

function paths(flag: string, given: readonly string[]): GivenOptions["trustedKeys"] {
  if (given.length === 0) return undefined;
  requireAlone(flag, given);
  return given[0] === CLEAR ? CLEAR : given.map((one) => resolve(one));
}

function requireAlone(flag: string, given: readonly string[]): void {
  if (given.length > 1 && given.some((one) => one === CLEAR || one === ""))
    throw usageError(`flag \`--${flag} ${CLEAR}\` stands alone, or not at all`);
}

function path(given: string): string | undefined {
  if (given === "") return undefined;
  return given === CLEAR ? CLEAR : resolve(given);
}

function checked(flag: string, given: string, parse: (text: string) => unknown, what: string): string | undefined {
  if (given === "" || given === CLEAR) return given || undefined;
  if (parse(given) !== undefined) return given;
  throw usageError(`flag \`--${flag}\` must be ${what}, or \`${CLEAR}\`, not ${quoted(given)}`);
}

function isTyped(sources: Input["sources"], flag: keyof Input["sources"]): boolean {
  return sources[flag] === "command line";
}
