import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatTimestamp } from "../../src/settings/go-yaml.ts";
import { isNullWord, isTextWord, parseBooleanWord, parseTimestamp } from "../../src/settings/go-yaml-words.ts";

describe("parseTimestamp", () => {
  test.each([
    ["2025-01-01T00:00:00Z", "2025-01-01T00:00:00.000Z"],
    ["2025-1-1t1:2:3.4567Z", "2025-01-01T01:02:03.456Z"],
    ["2025-01-01T00:30:00+01:00", "2024-12-31T23:30:00.000Z"],
    ["2025-01-01T00:30:00.5-01:30", "2025-01-01T02:00:00.500Z"],
    ["2025-01-01 10:20:30", "2025-01-01T10:20:30.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ])("%s", (word, time) => expect(parseTimestamp(word)?.toISOString()).toBe(time));

  test.each([
    "",
    "soon",
    "2025",
    "2025-13-01",
    "2025-00-01",
    "2025-02-29",
    "2025-01-01T24:00:00Z",
    "2025-01-01T00:60:00Z",
    "2025-01-01T00:00:60Z",
    "2025-01-01T00:00:00",
    "2025-01-01 00:00:00Z",
    "25-01-01",
  ])("%p is none", (word) => expect(parseTimestamp(word)).toBeUndefined());

  test("reads what formatTimestamp writes", () => {
    const years = { min: new Date("0000-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z") };
    fc.assert(
      fc.property(fc.date({ ...years, noInvalidDate: true }), (time) => {
        expect(parseTimestamp(formatTimestamp(time))).toEqual(time);
      }),
    );
  });
});

test("a word is text, or it is null, a boolean, a number or a timestamp", () => {
  const words = ["", "~", "NULL", "true", "Off", "0x1f", "-.5e3", "1:20", "2025-01-01"];
  expect(words.filter(isTextWord)).toEqual([]);
  expect(words.filter(isNullWord)).toEqual(["", "~", "NULL"]);
  expect(["nULL", "x", "1.2.3", "v1"].filter(isTextWord)).toEqual(["nULL", "x", "1.2.3", "v1"]);
});

test("in quotes, only the old booleans count", () => {
  expect(parseBooleanWord("true", false)).toBe(true);
  expect(parseBooleanWord("true", true)).toBeUndefined();
  expect(parseBooleanWord("yes", true)).toBe(true);
  expect(parseBooleanWord("n", true)).toBe(false);
  expect(parseBooleanWord("maybe", false)).toBeUndefined();
});
