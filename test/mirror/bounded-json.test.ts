import { expect, test } from "bun:test";
import fc from "fast-check";
import { boundedJson } from "../../src/mirror/bounded-json.ts";

test("reads what is not deep as `JSON.parse` does", () => {
  const value = fc.jsonValue({ maxDepth: 5 });
  fc.assert(
    fc.property(value, (some) => expect(boundedJson(JSON.stringify(some))).toEqual(JSON.parse(JSON.stringify(some)))),
  );
});

test.each([
  ['"\\"[[[[[[[[[[[[[[[[[[[["', '"[[[[[[[[[[[[[[[[[[[['],
  ['["\\\\", "]"]', ["\\", "]"]],
  [`[${"[],".repeat(1000)}[]]`, Array.from({ length: 1001 }, () => [])],
])("tells %p from depth", (text, value) => {
  expect(boundedJson(text)).toEqual(value);
});

test.each(["[", '{"a":', "[", '"'])(
  "[threat mirror-index] refuses %p without end, and needs no more memory than the text",
  (part) => {
    const text = part.repeat(4_000_000 / part.length);
    const before = process.memoryUsage.rss();
    expect(boundedJson(text)).toBeUndefined();
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 << 20);
  },
);
