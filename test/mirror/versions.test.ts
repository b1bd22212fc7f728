import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isWithin, newest, parseVersionWish } from "../../src/mirror/versions.ts";
import { isUpdateError } from "../../src/platform/errors.ts";

const ALL = ["17.9.9", "18.0.0", "18.1.0", "18.2.0", "18.2.1", "18.4.0", "18.4.7", "18.5.0-rc.1", "18.5.0", "19.0.0"];

function within(text: string): string[] {
  const wish = parseVersionWish(text);
  if (wish.kind === "exact") throw new Error(`${text} is a version`);
  return ALL.filter((version) => isWithin(version, wish));
}

test.each([
  ["18.4.1", "18.4.1"],
  ["v18.4.1", "18.4.1"],
  [" 18.4.1-rc.1 ", "18.4.1-rc.1"],
])("%j is one version", (text, version) => {
  expect(parseVersionWish(text)).toEqual({ kind: "exact", version });
});

describe("a range", () => {
  test.each([
    ["18.2..18.4", ["18.2.0", "18.2.1", "18.4.0", "18.4.7"]],
    ["v18.2..v18.4", ["18.2.0", "18.2.1", "18.4.0", "18.4.7"]],
    ["v18.2", ["18.2.0", "18.2.1"]],
    [">=v18.2.0 <v18.5", ["18.2.0", "18.2.1", "18.4.0", "18.4.7"]],
    ["18.2.1..18.4.0", ["18.2.1", "18.4.0"]],
    ["18.4..", ["18.4.0", "18.4.7", "18.5.0", "19.0.0"]],
    ["..18.0", ["17.9.9", "18.0.0"]],
    ["18.2", ["18.2.0", "18.2.1"]],
    ["19", ["19.0.0"]],
    [">=18.2.0 <18.5.0", ["18.2.0", "18.2.1", "18.4.0", "18.4.7"]],
    [">18.2  <=18.4", ["18.4.0", "18.4.7"]],
    ["=18.1.0", ["18.1.0"]],
    [">=20", []],
  ])("%j", (text, versions) => {
    expect(within(text)).toEqual(versions);
  });

  test("never holds a pre-release", () => {
    expect(within("18")).not.toContain("18.5.0-rc.1");
  });
});

test.each([
  "",
  "..",
  "18.x",
  "latest",
  "18.2..y",
  "18.2...18.4",
  "<",
  "18 || 19",
  "18.4.1 18.4.2",
  "18.04.1",
  "vv18.4",
  "v",
])("%j is neither", (text) => {
  expect(() => parseVersionWish(text)).toThrow(expect.objectContaining({ code: "E_VERSION" }));
});

test.each([
  ["18.4.2+Enterprise", "--edition ent`"],
  ["18.4.2+Enterprise+FIPS", "--edition ent-fips`"],
])("the edition of %s is told by a flag of its own", (text, hint) => {
  const wanted = expect.objectContaining({ code: "E_VERSION", hint: expect.stringContaining(hint) });
  expect(() => parseVersionWish(text)).toThrow(wanted);
});

test("any text is a wish, or refused as one", () => {
  const text = fc.string({ unit: fc.constantFrom(..."0189.<>= -v+rc") });
  fc.assert(
    fc.property(text, (given) => {
      try {
        const wish = parseVersionWish(given);
        if (wish.kind === "range") for (const version of ALL) isWithin(version, wish);
      } catch (error) {
        expect(isUpdateError(error, "E_VERSION")).toBe(true);
      }
    }),
  );
});

test("the newest come first, by their order and not by their text", () => {
  expect(newest(["18.9.0", "18.10.0", "18.10.0-rc.1", "18.9.0"], undefined)).toEqual([
    "18.10.0",
    "18.10.0-rc.1",
    "18.9.0",
  ]);
  expect(newest(["18.9.0", "18.10.0"], 1)).toEqual(["18.10.0"]);
});
