import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BundledPackage,
  bundledModules,
  bundledPackages,
  licenseTextIn,
  pinnedDigests,
} from "../../../scripts/release/bundled-packages.ts";
import { thirdPartyNotices } from "../../../scripts/release/notices.ts";

let packages: BundledPackage[];
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "licence-"));
  packages = await bundledPackages({ isFips: false });
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true }));

test("what the program imports is named, with what that brings along, and nothing that is for working on it", () => {
  const names = packages.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["consola", "streamx", "tar-stream", "yaml"]));
  // Its types alone are used.
  expect(names).not.toContain("citty");
  expect(names).not.toContain("fast-check");
});

test("each has a version, the name of a licence, its text, and the digest that bun.lock pins", () => {
  for (const { version, license, licenseText, sha512 } of packages) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(license).toMatch(/^[A-Za-z0-9.-]+$/);
    expect(licenseText.length).toBeGreaterThan(500);
    expect(sha512).toMatch(/^[0-9a-f]{128}$/);
  }
});

test("a package without a licence text is refused", async () => {
  await Bun.write(join(folder, "package.json"), "{}");
  expect(() => licenseTextIn(folder)).toThrow("has no licence text");
  await Bun.write(join(folder, "LICENSE.md"), " \n");
  expect(() => licenseTextIn(folder)).toThrow("has no licence text");
  await Bun.write(join(folder, "LICENSE.md"), "Do as you like.\n");
  expect(licenseTextIn(folder)).toBe("Do as you like.");
});

test("the modules of our own are those of `src/`", async () => {
  const own = (await bundledModules(false)).filter((path) => !path.includes("node_modules/"));
  expect(own).toContain("src/bin/teleport-update.ts");
  expect(own.filter((path) => !path.startsWith("src/") && path !== "package.json")).toEqual([]);
});

test("a digest is read from its line of the lock file", () => {
  const lock = `    "a": ["a@1.0.0", "", {}, "sha512-AAEC"],\n    "@b/c": ["@b/c@2.0.0", "", { "x": "y" }, "sha512-/w=="],\n`;
  expect([...pinnedDigests(lock)]).toEqual([
    ["a@1.0.0", "000102"],
    ["@b/c@2.0.0", "ff"],
  ]);
});

test("the notices have the whole text of each licence", () => {
  const notices = thirdPartyNotices(packages, "about the runtime, @VERSION@\n");
  for (const { name, version, licenseText } of packages) {
    expect(notices).toContain(`\n  ${name} ${version} (`);
    expect(notices).toContain(licenseText);
  }
  expect(notices).toEndWith(`\nabout the runtime, ${Bun.version}\n`);
});
