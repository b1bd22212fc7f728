import { expect, test } from "bun:test";
import fc from "fast-check";
import { escapeControls } from "../../src/platform/plain-text.ts";

test.each([
  ["printable text stays", "plain text, ümläute, 日本語 and 🎉", "plain text, ümläute, 日本語 and 🎉"],
  ["line ends", "two\nlines\r\n", "two\\nlines\\r\\n"],
  ["an escape code", "\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
  ["C1, DEL, NUL", "\u009b31m \u007f \u0000", "\\u009b31m \\u007f \\u0000"],
  ["a turn of the text direction", "\u202egnp.exe", "\\u202egnp.exe"],
  ["a line separator", "\u2028", "\\u2028"],
  ["half a surrogate pair", "\ud800", "\\ud800"],
  ["a tag character beyond 16 bits", "\u{e0041}", "\\udb40\\udc41"],
])("[threat plain-output] %s", (_, text, expected) => {
  expect(escapeControls(text)).toBe(expected);
});

test("what is left shows only, and escaping it again changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeControls(text);
      expect(escaped).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect(escapeControls(escaped)).toBe(escaped);
    }),
  );
});
