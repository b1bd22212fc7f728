import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { servedName } from "../../src/mirror/served-name.ts";

describe("a request is for", () => {
  test.each([
    ["/index.json", "", "index.json"],
    ["/a.tar.gz", "", "a.tar.gz"],
    ["/a.tar.gz?token=x#y", "", "a.tar.gz"],
    ["/18.4.1%2Bent", "", "18.4.1+ent"],
    ["/18.4.1+ent", "", "18.4.1+ent"],
    ["/teleport/a", "/teleport", "a"],
    ["/a/b/c", "/a/b", "c"],
  ])("%s below %j: the file %s", (target, prefix, name) => {
    expect(servedName(target, prefix)).toBe(name);
  });

  test.each([
    ["/", ""],
    ["", ""],
    ["/teleport", "/teleport"],
    ["/teleport/", "/teleport"],
    ["/teleportx/a", "/teleport"],
    ["/teleportxa", "/teleport"],
    ["/other/a", "/teleport"],
    ["/.hidden", ""],
    ["/.a.partial", ""],
    ["/..", ""],
    ["/../etc/passwd", ""],
    ["/%2e%2e/etc/passwd", ""],
    ["/..%2fetc%2fpasswd", ""],
    ["/%2fetc%2fpasswd", ""],
    ["//etc/passwd", ""],
    ["/a/../../etc/passwd", ""],
    ["/a%00", ""],
    ["/a\\b", ""],
    ["/a%5c..%5cb", ""],
    ["/%c0%ae%c0%ae", ""],
    ["/a%", ""],
    ["/a%0d%0aX: y", ""],
    ["http://e.test/a", ""],
    [`/${"a".repeat(300)}`, ""],
  ])("[threat served-names] %s below %j: nothing", (target, prefix) => {
    expect(servedName(target, prefix)).toBeUndefined();
  });
});

test("a name never leads out of the folder, whatever is asked for", () => {
  const part = fc.constantFrom(
    "/",
    "..",
    ".",
    "%2e",
    "%2F",
    "\\",
    "%00",
    "a",
    "+",
    "%25",
    "%",
    "~",
    "?",
    "#",
    "é",
    "\n",
  );
  const target = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 12 }).map((parts) => `/${parts.join("")}`),
  );
  fc.assert(
    fc.property(target, fc.constantFrom("", "/a"), (text, prefix) => {
      const name = servedName(text, prefix);
      if (name !== undefined) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/);
    }),
    { numRuns: 5000 },
  );
});
