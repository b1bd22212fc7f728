/** Control and format characters (escape codes, text direction), line separators, and halves of surrogate pairs. */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Text that may come from a server or a file, made safe for a terminal and a log: one line, and every character that
 * would act rather than show is written as an escape that is also valid inside a JSON string.
 */
export function escapeControls(text: string): string {
  return text.replace(ACTIVE, (character) => SHORT[character] ?? unicodeEscape(character));
}

/** A value as JSON on one line, as safe as `escapeControls` makes text. */
export function plainJson(value: unknown): string {
  return escapeControls(JSON.stringify(value));
}

function unicodeEscape(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
