import { expect, test } from "bun:test";
import { decodeText } from "../../src/platform/decode-text.ts";

test.each<[bytes: number[], line: number]>([
  [[0xe9], 1],
  [[0x61, 10, 0xc3, 0xa9, 10, 0xe9, 10, 0xff], 3],
  [[0xc0, 0x80], 1],
  [[0x61, 10, 0xed, 0xa0, 0x80, 10], 2],
  [[0x61, 10, 0xe2, 0x82], 2],
])("[threat bounded-text] %p is no text from line %p on", (bytes, line) => {
  expect(() => decodeText(Buffer.from(bytes), "/a", "refuse")).toThrow(
    expect.objectContaining({
      code: "E_UNREADABLE_FILE",
      message: `line ${line} of \`/a\` is not text in UTF-8`,
      hint: expect.stringContaining("iconv"),
    }),
  );
});

test("text is read as it stands, a byte order mark and U+FFFD too", () => {
  const text = "\ufeffé\0\r\n\ufffd👍";
  expect(decodeText(Buffer.from(text), "/a", "refuse")).toBe(text);
});

test("who asks for marks gets one in the place of what is no text", () => {
  expect(decodeText(Buffer.from([0x61, 0xff, 0x62]), "/a", "mark")).toBe("a\ufffdb");
});
