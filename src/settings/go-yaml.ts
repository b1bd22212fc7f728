import { isTextWord } from "./go-yaml-words.ts";

export type YamlValue = string | boolean | Date | readonly string[] | YamlMapping;
/** Keys in the order in which they are written; an undefined value is left out. */
export interface YamlMapping {
  [key: string]: YamlValue | undefined;
}

const INDENT = "    ";

/**
 * Writes a mapping byte for byte as Go's yaml.v3 does with its defaults: block style, four spaces, lists of names in
 * flow style (updater-core §2). A line break inside a string is written as an escape.
 */
export function formatYaml(mapping: YamlMapping, indent = ""): string {
  let text = "";
  for (const [key, value] of Object.entries(mapping)) {
    if (value === undefined) continue;
    text += isMapping(value)
      ? `${indent}${key}:\n${formatYaml(value, indent + INDENT)}`
      : `${indent}${key}: ${formatValue(value)}\n`;
  }
  return text;
}

/** One string in the style that yaml.v3 chooses: plain where that is safe, else single or double quotes. */
export function formatScalar(text: string): string {
  if (NOT_PRINTABLE.test(text) || !isTextWord(text)) return doubleQuoted(text);
  return NOT_PLAIN.test(text) ? `'${text.replaceAll("'", "''")}'` : text;
}

/** RFC 3339 in UTC, with a fraction only when there is one and without its trailing zeros. */
export function formatTimestamp(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, "Z");
}

/** What Go's emitter does not print as it stands, and line breaks. All beyond U+FFFF is escaped too. */
const NOT_PRINTABLE = /[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u;
/** Text that would be read as syntax: indicators in front, document marks, `: `, ` #`, spaces at the ends. */
const NOT_PLAIN = /^[#,[\]{}&*!|>'"%@` ]|^[-?:](?: |$)|^---|^\.\.\.|:(?: |$)| #| $/;

const NAMED_ESCAPES: Record<string, string> = {
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\x85": "N",
  "\u2028": "L",
  "\u2029": "P",
};

function formatValue(value: Exclude<YamlValue, YamlMapping>): string {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return formatScalar(value);
  return value instanceof Date ? formatTimestamp(value) : `[${value.map(formatInList).join(", ")}]`;
}

/** Commas and brackets end a plain text there. */
function formatInList(text: string): string {
  const scalar = formatScalar(text);
  return scalar === text && /[,[\]{}]/.test(text) ? `'${text}'` : scalar;
}

function isMapping(value: YamlValue): value is YamlMapping {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}

function doubleQuoted(text: string): string {
  const escaped = Array.from(text, (character) =>
    NOT_PRINTABLE.test(character) || character === '"' || character === "\\" ? escapeOf(character) : character,
  );
  return `"${escaped.join("")}"`;
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  const numbered =
    code > 0xffff ? `U${hex.padStart(8, "0")}` : code > 0xff ? `u${hex.padStart(4, "0")}` : `x${hex.padStart(2, "0")}`;
  return `\\${NAMED_ESCAPES[character] ?? numbered}`;
}
