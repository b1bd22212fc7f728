import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { MUTANTS } from "./mutants.ts";

const text = await Bun.file("docs/threat-model.md").text();
const rules = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name ?? "").sort();

describe("every rule of docs/threat-model.md", () => {
  test("is shown by a test with its mark, and no test marks another", async () => {
    const marks = new Set<string>();
    for (const path of new Glob("test/**/*.test.ts").scanSync(".")) {
      const marked = (await Bun.file(path).text()).matchAll(/\[threat ([a-z-]+)\]/g);
      for (const [, name] of marked) marks.add(name ?? "");
    }
    expect([...marks].sort()).toEqual(rules);
  });

  test("is found where it is to be taken out", async () => {
    const lost = [];
    for (const { rule, file, take } of MUTANTS) {
      const found = (await Bun.file(file).text()).split(take).length - 1;
      if (found !== 1) lost.push(`${rule}, ${file}: found ${found} times: ${take}`);
    }
    expect(lost).toEqual([]);
  });

  test("is taken out by `npm run threats`", () => {
    expect([...new Set(MUTANTS.map(({ rule }) => rule))].sort()).toEqual(rules);
  });
});
