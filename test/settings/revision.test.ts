import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatRevision,
  NO_REVISION,
  parseRevisionDirectory,
  parseVersion,
  REVISION_FLAGS,
  type RevisionFlag,
  revision,
  revisionDirectory,
  sameRevision,
} from "../../src/settings/revision.ts";

describe("version directories [core 7.11]", () => {
  test.each<[directory: string, flags: RevisionFlag[]]>([
    ["1.2.3", []],
    ["1.2.3_ent", ["Enterprise"]],
    ["1.2.3_ent_fips", ["Enterprise", "FIPS"]],
  ])("%s is read and written", (directory, flags) => {
    const parsed = parseRevisionDirectory(directory);
    expect(parsed).toEqual({ version: "1.2.3", flags });
    expect(revisionDirectory(parsed)).toBe(directory);
  });

  test.each([
    ["", "missing"],
    ["_fips", "missing"],
    ["_", "missing"],
    ["1.2.3_", "invalid"],
    ["1.2.3___", "invalid"],
    ["1.2.3_fips", "invalid"],
    ["1.2.3_test_fips", "invalid"],
    ["1.2.3_test_ent", "invalid"],
    ["1.2.3_fips_test", "invalid"],
    ["1.2.3_ent_test", "invalid"],
    ["1.2.3_fips_ent", "invalid"],
    ["1.2.3_ent_fips_", "invalid"],
  ])("%p is refused as %s", (directory, reason) => {
    expect(() => parseRevisionDirectory(directory)).toThrow(reason);
  });

  test("FIPS alone is a FIPS enterprise release", () => {
    const fips = revision("1.2.3", ["FIPS"]);
    expect(parseRevisionDirectory(revisionDirectory(fips))).toEqual(revision("1.2.3", ["Enterprise", "FIPS"]));
  });

  test("every directory name reads back as what was written", () => {
    fc.assert(
      fc.property(version, fc.subarray<RevisionFlag>(["Enterprise"]), (text, flags) => {
        const written = revision(text, flags);
        expect(parseRevisionDirectory(revisionDirectory(written))).toEqual(written);
      }),
    );
  });
});

describe("revision", () => {
  test.each<[given: string[], flags: RevisionFlag[], formatted: string]>([
    [[], [], "1.2.3"],
    [["Enterprise", "FIPS"], ["Enterprise", "FIPS"], "1.2.3+Enterprise+FIPS"],
    [["FIPS", "Enterprise", "FIPS"], ["Enterprise", "FIPS"], "1.2.3+Enterprise+FIPS"],
    [["unknown", "FIPS", "enterprise"], ["FIPS"], "1.2.3+FIPS"],
  ])("flags %p [core 7.11]", (given, flags, formatted) => {
    expect(revision("1.2.3", given)).toEqual({ version: "1.2.3", flags });
    expect(formatRevision(revision("1.2.3", given))).toBe(formatted);
  });

  test("an empty version has no flags", () => {
    expect(revision("", ["FIPS"])).toEqual(NO_REVISION);
    expect(formatRevision(NO_REVISION)).toBe("");
  });

  test("two are the same when version and flags are", () => {
    const [first, second] = REVISION_FLAGS;
    expect(sameRevision(revision("1.2.3", [second, first]), revision("1.2.3", [first, second]))).toBe(true);
    expect(sameRevision(revision("1.2.3", [first]), revision("1.2.3"))).toBe(false);
    expect(sameRevision(revision("1.2.3"), revision("1.2.4"))).toBe(false);
  });
});

const number = fc.nat({ max: 999_999_999 }).map(String);
const version = fc.tuple(number, number, number).map((numbers) => numbers.join("."));

describe("parseVersion", () => {
  test.each([
    ["18.1.0", "18.1.0"],
    ["v18.1.0", "18.1.0"],
    ["18.1.0-rc.1", "18.1.0-rc.1"],
    ["18.1.0-dev.2+build.5", "18.1.0-dev.2+build.5"],
  ])("%s", (text, parsed) => expect(parseVersion(text, "test")).toBe(parsed));

  test.each([
    "",
    "v",
    "18",
    "18.1",
    "018.1.0",
    "vv18.1.0",
    "18.1.0-",
    "18.1.0_ent",
    "18.1.0/..",
    "../18.1.0",
    "18.1.0\n",
    " 18.1.0",
    `18.1.0-${"a".repeat(64)}`,
  ])("[threat strict-versions] %p is refused", (text) =>
    expect(() => parseVersion(text, "the answer")).toThrow("the answer"),
  );

  test("[threat strict-versions] what passes is safe in a path and a URL", () => {
    fc.assert(
      fc.property(fc.oneof(version, fc.string()), fc.string({ maxLength: 5 }), (text, tail) => {
        let parsed = "";
        try {
          parsed = parseVersion(text + tail, "test");
        } catch {
          return;
        }
        expect(parsed).toMatch(/^[0-9A-Za-z.+-]{5,64}$/);
        expect(parsed).not.toContain("..");
      }),
    );
  });
});
