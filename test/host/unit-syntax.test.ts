import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { argument, filePattern, programWord, quoted, word } from "../../src/host/unit-syntax.ts";

/** What means something to systemd, among letters. */
const text = fc.string({ unit: fc.constantFrom(..." \"'\\%$;#{}~*?ab=/-ä") });

describe("a value survives what systemd makes of it", () => {
  test("[threat unit-words] in quotes, as the value of a directive", () => {
    fc.assert(fc.property(text, (value) => expect(words(quoted(value))).toEqual([value])));
  });

  test("[threat unit-words] as the program of a command line", () => {
    const path = text.map((value) => `/${value.replaceAll(/["'\\]/g, "")}`);
    fc.assert(fc.property(path, (value) => expect(words(programWord(value))).toEqual([value])));
  });

  test("[threat unit-words] as an argument, in which variables are expanded", () => {
    fc.assert(
      fc.property(text, (value) => {
        for (const written of [argument(word(`--d=${value}`)), argument(quoted(`--d=${value}`))]) {
          expect(words(written).map(variables)).toEqual([`--d=${value}`]);
        }
      }),
    );
  });

  test("[threat unit-words] as a pattern of files, which has no quotes", () => {
    fc.assert(fc.property(text, (value) => expect(oneFile(filePattern(`/${value}/f`))).toBe(`/${value}/f`)));
    expect(() => filePattern("/opt/a\nExecStart=")).toThrow(expect.objectContaining({ code: "E_UNIT" }));
  });

  test.each([
    ["/opt/a b", '"/opt/a b"', '"/opt/a b"'],
    ["/opt/$HOME", '"/opt/$HOME"', '"/opt/$$HOME"'],
    ["/opt/50%", '"/opt/50%%"', '"/opt/50%%"'],
    ["/opt/plain-1.2_x", "/opt/plain-1.2_x", "/opt/plain-1.2_x"],
  ])("[threat unit-words] %s", (value, asProgram, asArgument) => {
    expect(programWord(value)).toBe(asProgram);
    expect(argument(word(value))).toBe(asArgument);
  });

  test.each(['/opt/a"b', "/opt/it's", String.raw`/opt/a\b`])(
    "[threat unit-words] no program of systemd's can lie at %s, so none is written",
    (path) => {
      expect(() => programWord(path)).toThrow(expect.objectContaining({ code: "E_UNIT" }));
    },
  );
});

/** systemd's splitting of a line (systemd.syntax(7), "Quoting"): blanks, quotes around a whole word, escapes. */
function words(line: string): string[] {
  const found = [...line.matchAll(/(?:"((?:[^"\\]|\\["\\])*)"|([^\s"'\\;]+))(?:\s|$)/gy)];
  expect(found.map(([match]) => match).join("")).toBe(line);
  return found.map(([, inQuotes, bare]) => specifiersExpanded((inQuotes ?? bare ?? "").replaceAll(/\\(.)/g, "$1")));
}

/** The one path that a pattern without wildcards stands for (glob(7)). */
function oneFile(pattern: string): string {
  expect(pattern.replaceAll(/\\./g, "")).not.toMatch(/[*?[\\]/);
  return specifiersExpanded(pattern.replaceAll(/\\(.)/g, "$1"));
}

/** `%%` is `%`; any other specifier would become something else (systemd.unit(5), "Specifiers"). */
function specifiersExpanded(value: string): string {
  return value.replaceAll(/%(.?)/g, (_, letter) => (letter === "%" ? "%" : "<expanded>"));
}

/** `$$` is `$`; `$NAME` and `${NAME}` would become a value (systemd.service(5), "Command lines"). */
function variables(value: string): string {
  return value.replaceAll(/\$(\$|\{\w+\}|\w+)?/g, (whole, rest) =>
    rest === "$" ? "$" : rest === undefined ? whole : "<expanded>",
  );
}
