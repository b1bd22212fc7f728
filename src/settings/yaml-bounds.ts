import { CST, Lexer } from "yaml";

/** Why a text is not handed to the parser, to complete the sentence "line N of FILE …". */
export interface Excess {
  reason: string;
  /** Counted from 1. */
  line: number;
}

/**
 * A megabyte of brackets, tags or aliases keeps the YAML library busy for minutes and takes gigabytes, so its own lexer,
 * whose time grows with the text alone, counts first. Undefined when the text is of a size and depth that a
 * configuration may have, whether it is valid or not.
 */
export function excessIn(text: string): Excess | undefined {
  const depth = new Depth();
  let [lexemes, shared, line] = [0, 0, 1];
  let isScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    const type = isScalar ? "scalar" : CST.tokenType(lexeme);
    isScalar = lexeme === CST.SCALAR;
    if (isScalar) continue;
    lexemes += 1;
    if (type === "anchor" || type === "alias") shared += 1;
    depth.take(type, lexeme);
    if (lexemes > LEXEMES) return { reason: "has too many parts", line };
    if (shared > SHARED) return { reason: `uses more than ${SHARED} anchors and aliases`, line };
    if (depth.value > DEPTH) return { reason: "is nested too deeply", line };
    line += linesIn(lexeme);
  }
  return undefined;
}

/** About 12,000 lines of keys and values; half a second of parsing. */
const LEXEMES = 100_000;
/** The library searches the whole document for each. */
const SHARED = 500;
/** In the units of `Depth`. */
const DEPTH = 200;

type LexemeType = ReturnType<typeof CST.tokenType>;

/**
 * How deep a place is nested, at most: by brackets, and outside of them by the columns of the first word and of every
 * indicator (`-`, `?`, `:`) that a deeper line can stand under. A plain mapping counts twice, at its key and its colon.
 */
class Depth {
  #brackets = 0;
  readonly #columns: number[] = [];
  #column = 0;
  #isLineStart = true;

  get value(): number {
    return this.#brackets + this.#columns.length;
  }

  take(type: LexemeType, lexeme: string): void {
    if (type === "flow-seq-start" || type === "flow-map-start") this.#brackets += 1;
    if (type === "flow-seq-end" || type === "flow-map-end") this.#brackets = Math.max(0, this.#brackets - 1);
    if (type !== "space" && type !== "newline" && type !== "comment" && this.#brackets === 0) this.#enter(type);
    const lineEnd = lexeme.lastIndexOf("\n");
    if (lineEnd >= 0) this.#isLineStart = true;
    this.#column = lineEnd < 0 ? this.#column + lexeme.length : lexeme.length - lineEnd - 1;
  }

  #enter(type: LexemeType): void {
    const isIndicator = type === "seq-item-ind" || type === "explicit-key-ind" || type === "map-value-ind";
    if (this.#isLineStart) {
      while ((this.#columns.at(-1) ?? -1) >= this.#column) this.#columns.pop();
    }
    if (this.#isLineStart || isIndicator) this.#columns.push(this.#column);
    this.#isLineStart = false;
  }
}

function linesIn(lexeme: string): number {
  let lines = 0;
  for (let at = lexeme.indexOf("\n"); at >= 0; at = lexeme.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
