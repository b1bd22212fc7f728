/**
 * What a plain (unquoted) word means to Go's yaml.v3, which reads and writes `update.yaml` on the other side: a string
 * that would come back as something else is written in quotes, and a field of a known type is read by the same rules.
 */

const NULL_WORDS = ["", "~", "null", "Null", "NULL"];
const TRUE_WORDS = ["true", "True", "TRUE"];
const FALSE_WORDS = ["false", "False", "FALSE"];
/** YAML 1.1 booleans: strings today, but accepted where a boolean is expected, in quotes too. */
const OLD_TRUE_WORDS = ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"];
const OLD_FALSE_WORDS = ["n", "N", "no", "No", "NO", "off", "Off", "OFF"];

const SPECIAL_FLOAT = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const PREFIXED_INTEGER = /^([-+]?)(0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/;
const BASE_60 = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/;
const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,](\d{1,9}))?(?:Z|([-+])(\d\d):(\d\d)))|(?: +(\d\d?):(\d\d?):(\d\d?)(?:[.,](\d{1,9}))?))?$/;

/** True when `word`, unquoted, is read as a string by yaml.v3 and by YAML 1.1 readers. */
export function isTextWord(word: string): boolean {
  if ([NULL_WORDS, TRUE_WORDS, FALSE_WORDS, OLD_TRUE_WORDS, OLD_FALSE_WORDS].some((words) => words.includes(word))) {
    return false;
  }
  return !isNumberWord(word) && parseTimestamp(word) === undefined;
}

/** True when `word`, unquoted, is read as "nothing". */
export function isNullWord(word: string): boolean {
  return NULL_WORDS.includes(word);
}

/** The boolean that yaml.v3 reads into a boolean field, or undefined. In quotes only the YAML 1.1 words count. */
export function parseBooleanWord(word: string, quoted: boolean): boolean | undefined {
  if (OLD_TRUE_WORDS.includes(word) || (!quoted && TRUE_WORDS.includes(word))) return true;
  if (OLD_FALSE_WORDS.includes(word) || (!quoted && FALSE_WORDS.includes(word))) return false;
  return undefined;
}

/** The moment that yaml.v3 reads from `word` (to the millisecond), or undefined. No zone means UTC. */
export function parseTimestamp(word: string): Date | undefined {
  const match = TIMESTAMP.exec(word);
  if (match === null) return undefined;
  const group = (index: number) => Number(match[index] ?? 0);
  const [year, month, day] = [group(1), group(2), group(3)];
  const clock = match[4] === undefined ? 11 : 4;
  const [hour, minute, second] = [group(clock), group(clock + 1), group(clock + 2)];
  const fraction = match[clock === 4 ? 7 : 14] ?? "";
  const offset = (match[8] === "-" ? -1 : 1) * (group(9) * 60 + group(10));
  if (hour > 23 || minute > 59 || second > 59) return undefined;

  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // A day that the month does not have moves the date on; such a word is text.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute - offset, second, Number(fraction.padEnd(3, "0").slice(0, 3)));
  return date;
}

function isNumberWord(word: string): boolean {
  if (SPECIAL_FLOAT.test(word) || BASE_60.test(word)) return true;
  if (word.startsWith(".")) return isFloat(word);
  if (!/^[-+\d]/.test(word)) return false;
  const digits = word.replaceAll("_", "");
  return isFloat(digits) || isPrefixedInteger(digits);
}

/** A number that overflows a float is no number to Go. */
function isFloat(word: string): boolean {
  return FLOAT.test(word) && Number.isFinite(Number(word));
}

/** Go's integers end at 64 bits; what is larger is text. */
function isPrefixedInteger(word: string): boolean {
  const [, sign = "", digits] = PREFIXED_INTEGER.exec(word) ?? [];
  if (digits === undefined) return false;
  const value = BigInt(digits.toLowerCase());
  if (sign === "") return value < 1n << 64n;
  return sign === "-" ? value <= 1n << 63n : value < 1n << 63n;
}
