import { parseVersionBound } from "./version-bound.ts";

/** What each kind of option is in the program. */
export interface OptionValues {
  path: string;
  paths: readonly string[];
  urls: readonly string[];
  switch: boolean;
  version: string;
  duration: string;
}

/** One kind: what it must be, in the words of a message, and its reader; undefined for what it is not. */
interface OptionKind<T> {
  what: string;
  parse(written: unknown): T | undefined;
}

/** The kinds of values in the options file, whose scalars all come as text. */
export const OPTION_KINDS: { [K in keyof OptionValues]: OptionKind<OptionValues[K]> } = {
  path: { what: "an absolute path", parse: (written) => (isPath(written) ? written : undefined) },
  paths: { what: "a list of absolute paths", parse: (written) => listOf(written, isPath) },
  urls: { what: "a list of https URLs", parse: (written) => listOf(written, isHttpsUrl) },
  switch: {
    what: "`true` or `false`",
    parse: (written) => (written === "true" || written === "false" ? written === "true" : undefined),
  },
  version: {
    what: "a version like `18.2.0` or `18`",
    parse: (written) => (isText(written) && parseVersionBound(written) !== undefined ? written : undefined),
  },
  duration: {
    what: "a time like `72h` or `3d`",
    parse: (written) => (isText(written) && parseDuration(written) !== undefined ? written : undefined),
  },
};

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Nobody waits for longer, and what lies beyond is no date. */
const LONGEST_MS = 3650 * UNIT_MS.d;

/** Milliseconds of `30m`, `72h` or `3d`, ten years at most; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,7})([mhd])$/.exec(text) ?? [];
  const milliseconds = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return milliseconds <= LONGEST_MS ? milliseconds : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isPath(value: unknown): value is string {
  return isText(value) && value.startsWith("/");
}

function isHttpsUrl(value: unknown): value is string {
  return isText(value) && /^https:\/\//i.test(value) && URL.canParse(value);
}

function listOf<T>(written: unknown, isOne: (value: unknown) => value is T): T[] | undefined {
  return Array.isArray(written) && written.length > 0 && written.every(isOne) ? written : undefined;
}
