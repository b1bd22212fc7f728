import { describe, expect, test } from "bun:test";
import { UpdateError } from "../../src/platform/errors.ts";
import { parseStrictYaml } from "../../src/settings/strict-yaml.ts";
import { cpuTime } from "../support/cpu-time.ts";

const parse = (text: string) =>
  parseStrictYaml(text, (reason, line) => new UpdateError("E_CONFIG_READ", `${line}: ${reason}`));

describe("parseStrictYaml", () => {
  test.each([
    ["a: 1\nb: &x 2\n", "2: uses an anchor"],
    ["a: &x {c: 1}\n", "1: uses an anchor"],
    ["a: 1\nb: *x\n", "2: "],
    ["a: !!str 1\n", "1: uses a tag"],
    ["a: ! 1\n", "1: uses a tag"],
    ["a: 1\nb: !!map {c: 1}\n", "2: uses a tag"],
    ["a: 1\n<<: {b: 2}\n", "2: uses a merge key"],
    ["a: 1\nb:\n  c: 1\n  c: 2\n", '4: repeats the key "c"'],
    ['a: 1\n"a": 2\n', '2: repeats the key "a"'],
    ["a: 1\n---\nb: 2\n", "2: begins a second document"],
    ["? [a]\n: 1\n", "1: is not valid YAML"],
    ["a: 1\n? b\n", '2: gives no value for the key "b"'],
    ["a: {b}\n", '1: gives no value for the key "b"'],
    ["a: 1\nb: [1\n", "is not valid YAML"],
    ["- 1\n", "1: is not a mapping"],
    ["", "is not a mapping"],
  ])("refuses %j", (text, message) => expect(() => parse(text)).toThrow(message));

  test.each([
    ["a: 1\nb: \0\n", '2: holds the character "\\u0000"'],
    ["a: \x1b[2J\n", "1: holds the character"],
    ["a: 1\n# b\rc: 2\n", '2: holds the character "\\r"'],
    ["a: 1\n# b\u2028c: 2\n", "2: holds the character"],
    ["a: 1\n# b\u0085c: 2\n", "2: holds the character"],
    ["a: 1\nb: \ufeff2\n", '2: holds the character "\\ufeff"'],
    ["a: \ud800\n", "1: holds the character"],
  ])("[threat bounded-text] refuses %j, which another reader takes otherwise", (text, message) =>
    expect(() => parse(text)).toThrow(message),
  );

  test("takes a byte order mark, lines that end in CR and LF, and every letter", () => {
    const { document } = parse("\ufeffa: é\r\nb: 日本語\r\nc: 👍\r\n");
    expect(document.toJS()).toEqual({ a: "é", b: "日本語", c: "👍" });
  });

  test("keeps every scalar as it is written", () => {
    const { document } = parse('a: 0o17\nb: 12345678901234567890\nc: ~\nd: "~"\n"<<": e\n');
    expect(document.toJS()).toEqual({ a: "0o17", b: "12345678901234567890", c: "~", d: "~", "<<": "e" });
  });

  test("10,000 keys take no quadratic time", () => {
    const text = Array.from({ length: 10_000 }, (_, index) => `k${index}: 1\n`).join("");
    // A fifth of that is usual.
    expect(cpuTime(() => expect(parse(text).root.items).toHaveLength(10_000))).toBeLessThan(2000);
  }, 60_000);

  test.each([
    ["too deep", "[".repeat(5000), "1: is nested too deeply"],
    ["too long", `a: 1\n${"#\n".repeat(60_000)}`, "has too many parts"],
  ])("[threat bounded-yaml] what is %s is not parsed", (_name, text, message) =>
    expect(() => parse(text)).toThrow(message),
  );

  test.each([
    ["a: 1\na: 2\n", '2: repeats the key "a"'],
    ["__proto__: 1\n'__proto__': 2\n", '2: repeats the key "__proto__"'],
  ])("[threat plain-keys] %j has a key twice", (text, message) => expect(() => parse(text)).toThrow(message));

  test("[threat plain-keys] the names of what every object has are names of keys", () => {
    const { document } = parse("__proto__: {a: 1}\nconstructor: 2\ntoString: 3\n");
    expect([document.get("a"), document.get("constructor"), document.get("valueOf")]).toEqual([
      undefined,
      "2",
      undefined,
    ]);
  });
});
