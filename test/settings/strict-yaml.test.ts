import { describe, expect, test } from "bun:test";
import { UpdateError } from "../../src/platform/errors.ts";
import { parseStrictYaml } from "../../src/settings/strict-yaml.ts";

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
    ["a: 1\nb: [1\n", "is not valid YAML"],
    ["- 1\n", "1: is not a mapping"],
    ["", "is not a mapping"],
  ])("refuses %j", (text, message) => expect(() => parse(text)).toThrow(message));

  test("refuses nesting that exhausts the parser", () =>
    expect(() => parse("[".repeat(5000))).toThrow("not valid YAML"));

  test("keeps every scalar as it is written", () => {
    const { document } = parse('a: 0o17\nb: 12345678901234567890\nc: ~\nd: "~"\n"<<": e\n');
    expect(document.toJS()).toEqual({ a: "0o17", b: "12345678901234567890", c: "~", d: "~", "<<": "e" });
  });

  test("100,000 keys take no quadratic time", () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `k${index}: 1\n`).join("");
    const start = performance.now();
    expect(parse(text).root.items).toHaveLength(100_000);
    // A second is usual here; the library's own check of repeated keys takes more than ten.
    expect(performance.now() - start).toBeLessThan(8_000);
  }, 30_000);
});
