import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostRoot } from "../../src/cli/host-root.ts";

let folder = "";
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "host-root-")));
  mkdirSync(join(folder, "image"));
  symlinkSync("image", join(folder, "link"));
  symlinkSync("/", join(folder, "slash"));
  writeFileSync(join(folder, "file"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("without the flag it is this host", () => {
  expect(hostRoot(undefined)).toBe("/");
});

test.each([
  ["image", "image"],
  ["link", "image"],
  ["image/../link/", "image"],
])("%s is %s", (given, expected) => {
  expect(hostRoot(join(folder, given))).toBe(join(folder, expected));
});

test("another name of `/` is this host, root rule included", () => {
  expect(hostRoot(join(folder, "slash"))).toBe("/");
});

test.each(["missing", "file", "file/below"])("%s is refused", (name) => {
  expect(() => hostRoot(join(folder, name))).toThrow(expect.objectContaining({ code: "E_PATH" }));
});

test("an empty name, as from an unset variable, is refused rather than taken for `/`", () => {
  expect(() => hostRoot("")).toThrow(expect.objectContaining({ code: "E_PATH" }));
});
