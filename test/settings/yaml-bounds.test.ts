import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { excessIn } from "../../src/settings/yaml-bounds.ts";
import { cpuTime } from "../support/cpu-time.ts";

// For busy machines.
setDefaultTimeout(60_000);

const MEGABYTE = (1 << 20) - 100;
const filledWith = (piece: string) => piece.repeat(Math.floor(MEGABYTE / piece.length));
const lines = (count: number, line: (at: number) => string) => Array.from({ length: count }, (_, at) => line(at));

describe("[threat bounded-yaml] what would keep the library busy is refused first", () => {
  test.each([
    ["nested lists", filledWith("["), "is nested too deeply"],
    ["nested mappings", filledWith("{a: "), "is nested too deeply"],
    ["lists in mappings", filledWith("[{a: "), "is nested too deeply"],
    ["lists in one line", filledWith("- "), "is nested too deeply"],
    ["keys in one line", filledWith("? "), "is nested too deeply"],
    ["values in one line", filledWith(": "), "is nested too deeply"],
    ["mappings by indentation", lines(1400, (at) => `${" ".repeat(at)}a:\n`).join(""), "is nested too deeply"],
    ["lists by indentation", lines(1400, (at) => `${" ".repeat(at)}-\n`).join(""), "is nested too deeply"],
    ["lists by indentation below a scalar", `|\n x\n${filledWith("- ")}`, "is nested too deeply"],
    ["ends of lists", filledWith("]"), "has too many parts"],
    ["empty lists", `a: [${filledWith("[],")}]`, "has too many parts"],
    ["commas", `a: [${filledWith(",")}]`, "has too many parts"],
    ["tags", `a: ${filledWith("! ")}`, "has too many parts"],
    ["comments", filledWith("#\n"), "has too many parts"],
    ["keys", filledWith("a: 1\n"), "has too many parts"],
    ["documents", filledWith("---\n"), "has too many parts"],
    ["anchors", filledWith("&a "), "uses more than 500 anchors and aliases"],
    ["aliases", `a: &a 1\nb: [${filledWith("*a,")}]`, "uses more than 500 anchors and aliases"],
    ["merge keys", `a: &a {}\nb:\n${filledWith("  <<: *a\n")}`, "uses more than 500 anchors and aliases"],
  ])("%s", (_name, text, reason) => {
    expect(cpuTime(() => expect(excessIn(text)?.reason).toBe(reason))).toBeLessThan(1000);
  });

  test("the line is that of the place", () => {
    expect(excessIn(`a: 1\nb: |\n  x\n  y\nc: ${"[".repeat(500)}`)).toEqual({
      reason: "is nested too deeply",
      line: 5,
    });
  });
});

describe("what a configuration may have passes", () => {
  test.each([
    ["nothing", ""],
    ["10,000 keys", lines(10_000, (at) => `k${at}: v\n`).join("")],
    ["a list of 5,000 mappings", `a:\n${lines(5000, (at) => `  - name: n${at}\n    uri: u\n`).join("")}`],
    ["twenty levels, over and over", lines(2000, (at) => `${"  ".repeat(at % 20)}k${at}:\n`).join("")],
    ["lists in one line, over and over", lines(5000, () => "- - - x\n").join("")],
    ["short lists", lines(5000, (at) => `k${at}: [a, {b: c}]\n`).join("")],
    ["a merge key in each of 400", `a: &a {x: y}\n${lines(400, (at) => `k${at}: {<<: *a}\n`).join("")}`],
    ["a megabyte of one text", `a: |\n${filledWith("  [[[[&a *a\n")}`],
    ["a megabyte in quotes", `a: "${filledWith("[- ")}"`],
  ])("%s", (_name, text) => expect(excessIn(text)).toBeUndefined());
});
