import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import type { UpdateError } from "../platform/errors.ts";
import { escapeControls } from "../platform/plain-text.ts";
import { quote } from "../platform/quote.ts";
import { excessIn } from "./yaml-bounds.ts";

/** Makes the error of the file that is read: `reason` completes the sentence "line N of FILE …". */
export type Refuse = (reason: string, line: number) => UpdateError;

export interface StrictDocument {
  document: Document;
  root: YAMLMap;
  /** The line, counted from 1, on which a node begins. */
  lineOf(node: unknown): number;
}

/**
 * Parses one YAML mapping in the plain subset that a settings file needs, and refuses all that two readers may
 * understand differently: repeated keys, anchors, aliases, merge keys, tags, a second document, characters that one of
 * them does not take, or takes for the end of a line. Every scalar stays the text that was written, so that no value is
 * changed by reading and writing it.
 */
export function parseStrictYaml(text: string, refuse: Refuse): StrictDocument {
  const odd = UNFIT.exec(text);
  if (odd !== null) throw refuse(`holds the character ${quote(odd[0])}`, text.slice(0, odd.index).split("\n").length);
  const excess = excessIn(text);
  if (excess !== undefined) throw refuse(excess.reason, excess.line);

  const lines = new LineCounter();
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const lineOf = (node: unknown) => lineAt(offsetOf(node));
  // Repeated keys are looked for below: the library's own search takes quadratic time.
  const document = parseDocument(text, {
    schema: "failsafe",
    stringKeys: true,
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const reason = error.code === "MULTIPLE_DOCS" ? "begins a second document" : notYaml(error.message);
    throw refuse(reason, lineAt(error.pos[0]));
  }

  visit(document, (_key, node) => {
    const reason = oddity(node) ?? (isMap(node) ? badKey(node.items) : undefined);
    if (reason !== undefined) throw refuse(reason.text, lineOf(reason.at));
  });
  const root = document.contents;
  if (!isMap(root)) throw refuse("is not a mapping of keys to values", lineOf(root));
  return { document, root, lineOf };
}

/** The library's words may hold what it could not read, as it stands and in full. */
function notYaml(message: string): string {
  return `is not valid YAML: ${escapeControls(message.slice(0, 160))}`;
}

/**
 * What Go's yaml.v3 refuses as not printable, what ends a line for it and not for us (a lone carriage return, U+0085,
 * U+2028, U+2029), and a byte order mark that is not at the start.
 */
const UNFIT = /[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]|\r(?!\n)|(?!^)\ufeff/u;

interface Reason {
  text: string;
  at: unknown;
}

function oddity(node: unknown): Reason | undefined {
  if (isAlias(node)) return { text: "uses an alias", at: node };
  if (typeof node !== "object" || node === null) return undefined;
  if ("anchor" in node && node.anchor !== undefined) return { text: "uses an anchor", at: node };
  if ("tag" in node && node.tag !== undefined) return { text: "uses a tag", at: node };
  return undefined;
}

function badKey(items: readonly Pair[]): Reason | undefined {
  const seen = new Set<string>();
  for (const { key, value } of items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    // Not even a colon; the library reads that, and cannot write it again.
    if (value === null) return { text: `gives no value for the key ${quote(name)}`, at: key };
    if (name === "<<" && key.type === "PLAIN") return { text: "uses a merge key", at: key };
    if (seen.has(name)) return { text: `repeats the key ${quote(name)}`, at: key };
    seen.add(name);
  }
  return undefined;
}

function offsetOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return 0;
  return Number(node.range[0]);
}
