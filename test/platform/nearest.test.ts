import { expect, test } from "bun:test";
import { nearest } from "../../src/platform/nearest.ts";

const KNOWN = ["proxy", "base-url", "group", "enable", "unpin", "pin", "status", "root"];

test.each([
  ["proxi", "proxy"],
  ["prxoy", "proxy"],
  ["pproxy", "proxy"],
  ["baseurl", "base-url"],
  ["enabel", "enable"],
  ["stats", "status"],
  ["pni", "pin"],
  ["upin", "unpin"],
  ["pin", "pin"],
])("`%s` is most like `%s`", (word, known) => {
  expect(nearest(word, KNOWN)).toBe(known);
});

test.each(["", "frobnicate", "now", "list", "x".repeat(1000)])("`%.10s` is like none of them", (word) => {
  expect(nearest(word, KNOWN)).toBeUndefined();
});

test("nothing is like nothing", () => {
  expect(nearest("proxy", [])).toBeUndefined();
});
