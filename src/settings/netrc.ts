/** What a netrc file holds for one host. */
export interface NetrcEntry {
  login: string;
  password: string;
}

/** Thrown for a file that is not in the format; `line` counts from 1. */
export class BadNetrc extends Error {
  readonly line: number;

  constructor(reason: string, line: number) {
    super(reason);
    this.line = line;
  }
}

/**
 * The user name and password for a host of a URL in a netrc file, as curl reads it: words between blanks, or in double quotes with
 * `\"`, `\\`, `\n`, `\r` and `\t`; the first `machine` of that name that has both. `default` entries are passed over, as they would
 * go to whatever host is asked, and so are macros. Fails with `BadNetrc`.
 */
export function findInNetrc(text: string, host: string): NetrcEntry | undefined {
  const words = wordsOf(text).values();
  let entry: Partial<NetrcEntry> | undefined;
  for (let next = words.next(); !next.done; next = words.next()) {
    const { word, line } = next.value;
    if (["machine", "default"].includes(word) && isWhole(entry)) return entry;
    switch (word) {
      case "machine":
        entry = bare(value(words, "machine", line)) === bare(host) ? {} : undefined;
        break;
      case "default":
        entry = undefined;
        break;
      case "login":
      case "password": {
        const given = value(words, word, line);
        if (entry !== undefined) entry[word] ??= given;
        break;
      }
      case "account":
        value(words, word, line);
        break;
      default:
        // A word in a message could be a password that stands in the wrong place.
        throw new BadNetrc(
          "a word that is none of `machine`, `login`, `password`, `account`, `default`, `macdef`",
          line,
        );
    }
  }
  return isWhole(entry) ? entry : undefined;
}

/** Only a URL has brackets around an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
}

interface Word {
  word: string;
  line: number;
}

function isWhole(entry: Partial<NetrcEntry> | undefined): entry is NetrcEntry {
  return entry?.login !== undefined && entry.password !== undefined;
}

function value(words: Iterator<Word>, of: string, line: number): string {
  const next = words.next();
  if (!next.done) return next.value.word;
  throw new BadNetrc(`\`${of}\` without a value`, line);
}

function wordsOf(text: string): Word[] {
  const found: Word[] = [];
  let isInMacro = false;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    // A macro ends with an empty line.
    isInMacro = line.trim() === "" ? false : isInMacro || /^\s*macdef\b/.test(line);
    if (!isInMacro) found.push(...wordsOfLine(line, index + 1));
  }
  return found;
}

const WORD = /\s+|#.*$|"((?:[^"\\]|\\.)*)"|([^\s"#]\S*)/gy;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t" };

function wordsOfLine(text: string, line: number): Word[] {
  const found: Word[] = [];
  let end = 0;
  for (const match of text.matchAll(WORD)) {
    const [all, inQuotes, plain] = match;
    end += all.length;
    if (inQuotes !== undefined)
      found.push({ word: inQuotes.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter), line });
    else if (plain !== undefined) found.push({ word: plain, line });
  }
  if (end !== text.length) throw new BadNetrc("a quote that does not end", line);
  return found;
}
