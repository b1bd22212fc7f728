import { describe, expect, test } from "bun:test";
import { formatDate, isKnown, isOther, mayContinue } from "../../src/mirror/conditional.ts";

const MODIFIED = new Date("1994-11-06T08:49:37.500Z");
const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const STRONG = { etag: '"abc"', modified: MODIFIED };
const WEAK = { etag: 'W/"abc"', modified: MODIFIED };
const LATER = new Date("1994-11-06T09:00:00Z");

test("a time is written as headers have it", () => {
  expect(formatDate(MODIFIED)).toBe(DATE);
});

describe("the client has the content already", () => {
  test.each([
    [{ "If-None-Match": '"abc"' }, STRONG, true],
    [{ "If-None-Match": 'W/"abc"' }, STRONG, true],
    [{ "If-None-Match": '"abc"' }, WEAK, true],
    [{ "If-None-Match": '"x", W/"y" , "abc"' }, STRONG, true],
    [{ "If-None-Match": "*" }, STRONG, true],
    [{ "If-None-Match": "abc" }, STRONG, false],
    [{ "If-None-Match": '"abcd"' }, STRONG, false],
    [{ "If-None-Match": '"' }, STRONG, false],
    [{ "If-Modified-Since": DATE }, STRONG, true],
    [{ "If-Modified-Since": "Sun, 06 Nov 1994 08:49:38 GMT" }, STRONG, true],
    [{ "If-Modified-Since": "Sun, 06 Nov 1994 08:49:36 GMT" }, STRONG, false],
    [{ "If-Modified-Since": "2030" }, STRONG, false],
    [{ "If-Modified-Since": "Sun, 99 Nov 2030 08:49:36 GMT" }, STRONG, false],
    // The tag counts more than the time.
    [{ "If-None-Match": '"other"', "If-Modified-Since": DATE }, STRONG, false],
    [{}, STRONG, false],
  ] as const)("%j of %j: %p", (headers, validators, known) => {
    expect(isKnown(new Headers(headers), validators)).toBe(known);
  });
});

describe("the client wants another content", () => {
  test.each([
    [{ "If-Match": '"abc"' }, STRONG, false],
    [{ "If-Match": '"x", "abc"' }, STRONG, false],
    [{ "If-Match": "*" }, WEAK, false],
    [{ "If-Match": '"other"' }, STRONG, true],
    [{ "If-Match": "abc" }, STRONG, true],
    // A weak tag never says that it is the same.
    [{ "If-Match": 'W/"abc"' }, WEAK, true],
    [{ "If-Match": 'W/"abc"' }, STRONG, true],
    [{ "If-Match": '"abc"' }, WEAK, true],
    [{ "If-Unmodified-Since": DATE }, STRONG, false],
    [{ "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:36 GMT" }, STRONG, true],
    [{ "If-Unmodified-Since": "2030" }, STRONG, false],
    // The tag counts more than the time.
    [{ "If-Match": '"abc"', "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:36 GMT" }, STRONG, false],
    [{}, STRONG, false],
  ] as const)("%j of %j: %p", (headers, validators, other) => {
    expect(isOther(new Headers(headers), validators)).toBe(other);
  });
});

describe("a download may go on", () => {
  test.each([
    [undefined, STRONG, LATER, true],
    ['"abc"', STRONG, LATER, true],
    ['"abc"', WEAK, LATER, false],
    ['W/"abc"', WEAK, LATER, false],
    ['"other"', STRONG, LATER, false],
    [DATE, WEAK, LATER, true],
    // In the same second the file may change once more.
    [DATE, WEAK, new Date("1994-11-06T08:49:37.900Z"), false],
    ["Sun, 06 Nov 1994 08:49:38 GMT", WEAK, LATER, false],
    ["garbage", STRONG, LATER, false],
  ] as const)("If-Range %s of %j at %p: %p", (condition, validators, now, may) => {
    const headers = new Headers(condition === undefined ? {} : { "If-Range": condition });
    expect(mayContinue(headers, validators, now)).toBe(may);
  });
});
