import { escapeControls } from "./plain-text.ts";

/** The start of a text from elsewhere, for a message: in double quotes, on one line, with nothing in it that acts. */
export function quote(text: string, limit = 80): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return escapeControls(JSON.stringify(shown));
}

/** A path as a shell takes it, for a command in a hint. */
export function shellWord(path: string): string {
  return /^[\w@%+:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
