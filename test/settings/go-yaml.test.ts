import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parse } from "yaml";
import { formatScalar, formatTimestamp, formatYaml } from "../../src/settings/go-yaml.ts";

describe("formatScalar writes as yaml.v3 3.0.1 does", () => {
  test.each([
    ["", '""'],
    ["default", "default"],
    ["18.1.0", "18.1.0"],
    ["18.1", '"18.1"'],
    ["18", '"18"'],
    ["1e3", '"1e3"'],
    ["1e400", "1e400"],
    ["0x1F", '"0x1F"'],
    ["0o17", '"0o17"'],
    ["017", '"017"'],
    ["08", '"08"'],
    ["0b101", '"0b101"'],
    ["1_000", '"1_000"'],
    ["0xFFFFFFFFFFFFFFFF", '"0xFFFFFFFFFFFFFFFF"'],
    ["0x1FFFFFFFFFFFFFFFF", "0x1FFFFFFFFFFFFFFFF"],
    ["-0x8000000000000001", "-0x8000000000000001"],
    ["+0x7FFFFFFFFFFFFFFF", '"+0x7FFFFFFFFFFFFFFF"'],
    [".5", '".5"'],
    [".inf", '".inf"'],
    ["-.Inf", '"-.Inf"'],
    [".nan", '".nan"'],
    ["-", "'-'"],
    ["--", "--"],
    ["---x", "'---x'"],
    ["...", "'...'"],
    ["True", '"True"'],
    ["tRUE", "tRUE"],
    ["null", '"null"'],
    ["~", '"~"'],
    ["~x", "~x"],
    ["<<", "<<"],
    ["y", '"y"'],
    ["No", '"No"'],
    ["OFF", '"OFF"'],
    ["yes please", "yes please"],
    ["1:20", '"1:20"'],
    ["190:20:30", '"190:20:30"'],
    ["1:60", "1:60"],
    ["2024-01-01", '"2024-01-01"'],
    ["2024-02-30", "2024-02-30"],
    ["2024-01-01T00:00:00Z", '"2024-01-01T00:00:00Z"'],
    ["2024-1-1 10:00:00.5", '"2024-1-1 10:00:00.5"'],
    ["2024-01-01T00:00:00", "2024-01-01T00:00:00"],
    ["example.com:443", "example.com:443"],
    ["192.0.2.1:3080", "192.0.2.1:3080"],
    ["[::1]:3080", "'[::1]:3080'"],
    ["/usr/local/bin", "/usr/local/bin"],
    ["a: b", "'a: b'"],
    ["a:", "'a:'"],
    ["a #b", "'a #b'"],
    ["a#b", "a#b"],
    ["#a", "'#a'"],
    ["- a", "'- a'"],
    ["-a", "-a"],
    ["? a", "'? a'"],
    ["?a", "?a"],
    [":a", ":a"],
    ["!a", "'!a'"],
    ["%a", "'%a'"],
    ["@a", "'@a'"],
    ["`a`", "'`a`'"],
    ["a{b", "a{b"],
    [",a", "',a'"],
    ["'a'", "'''a'''"],
    ["it's", "it's"],
    ['"a"', "'\"a\"'"],
    ['a"b', 'a"b'],
    [" a", "' a'"],
    ["a ", "'a '"],
    ["a\\b", "a\\b"],
    ["a\tb", '"a\\tb"'],
    ['a\t"\\', '"a\\t\\"\\\\"'],
    ["\u0001", '"\\x01"'],
    ["\u007f", '"\\x7F"'],
    ["\u0085", '"\\N"'],
    ["\u00a0é日本", "\u00a0é日本"],
    ["\ufeff", '"\\uFEFF"'],
    ["😀", '"\\U0001F600"'],
    ["a\u001b[0m", '"a\\e[0m"'],
  ])("%p", (text, written) => expect(formatScalar(text)).toBe(written));

  // Not as Go writes it (a literal block), but what every reader takes for the same text.
  test("a line break is an escape", () => expect(formatScalar("a\nb\u2028c")).toBe('"a\\nb\\Lc"'));
});

test("what formatScalar writes is the same text to every YAML", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom("failsafe", "core", "yaml-1.1"), (text, schema) => {
      expect(parse(`a: ${formatScalar(text)}\n`, { schema, keepSourceTokens: false })).toEqual({ a: text });
    }),
    { numRuns: 500 },
  );
});

test("formatYaml nests by four spaces, keeps the order, and leaves out what is undefined", () => {
  const text = formatYaml({
    b: "x",
    a: { flag: true, none: undefined, inner: { names: ["Enterprise", "FIPS"] } },
    time: new Date("2025-01-01T00:00:00.050Z"),
  });
  expect(text).toBe(
    "b: x\na:\n    flag: true\n    inner:\n        names: [Enterprise, FIPS]\ntime: 2025-01-01T00:00:00.05Z\n",
  );
});

test.each([
  ["2025-01-01T00:00:00.000Z", "2025-01-01T00:00:00Z"],
  ["2025-01-01T10:20:30.789Z", "2025-01-01T10:20:30.789Z"],
  ["2025-01-01T10:20:30.700Z", "2025-01-01T10:20:30.7Z"],
  ["0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"],
])("formatTimestamp %s", (time, written) => expect(formatTimestamp(new Date(time))).toBe(written));
