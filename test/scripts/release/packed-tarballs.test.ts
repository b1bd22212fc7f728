import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../../package.json" with { type: "json" };
import { type BundledPackage, bundledPackages } from "../../../scripts/release/bundled-packages.ts";
import { COMPANIONS } from "../../../scripts/release/companions.ts";
import { LIMITS, tarballsOf, writeTarballs } from "../../../scripts/release/tarballs.ts";
import type { Variant } from "../../../scripts/release/variants.ts";
import { HOST_ARCHITECTURE } from "../../support/elf-patch.ts";
import { executablePath } from "../../support/executable.ts";
import { must } from "../../support/must.ts";
import { isInstalled } from "./tools.ts";

const VARIANT: Variant = { architecture: HOST_ARCHITECTURE, isFips: false };
const { version } = packageJson;
const DATE = new Date("2030-02-03T04:05:06Z");
const TEXTS = [...Object.values(COMPANIONS), "INSTALL.md", "LICENSE", "README.md", "THIRD-PARTY-NOTICES.txt"];
const TARBALLS = tarballsOf(VARIANT, version);

let folder: string;
let packages: BundledPackage[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tarballs-"));
  packages = await bundledPackages(VARIANT);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** What a tarball unpacks to: `-rwxr-xr-x top/teleport-update`, sorted. */
async function unpacked(name: string): Promise<{ into: string; listed: string[] }> {
  const into = join(folder, `${name}.unpacked`);
  mkdirSync(into);
  await must(["tar", "--extract", "--directory", into, "--file", join(folder, name)]);
  const found = await must([
    "find",
    into,
    "-type",
    "f",
    "-printf",
    "%M %P\\n",
    "-o",
    "!",
    "-type",
    "d",
    "-printf",
    "%y %P\\n",
  ]);
  return { into, listed: found.trimEnd().split("\n").sort() };
}

const expected = (topFolder: string) =>
  [...TEXTS.map((path) => `-rw-r--r-- ${topFolder}/${path}`), `-rwxr-xr-x ${topFolder}/teleport-update`].sort();

// By gzip alone, as zstd takes minutes for it.
test("the executable as it is shipped fits into its tarballs, and runs where they are unpacked", async () => {
  const executable = await executablePath();
  await writeTarballs({ version, date: DATE, folder }, VARIANT, packages, { executable, compressions: ["gzip"] });
  for (const { gzip, topFolder } of TARBALLS) {
    expect(statSync(join(folder, gzip)).size).toBeLessThan(LIMITS.gzip);
    const { into, listed } = await unpacked(gzip);
    expect(readdirSync(into)).toEqual([topFolder]);
    expect(listed).toEqual(expected(topFolder));
    expect(await must([join(into, topFolder, "teleport-update"), "version"])).toStartWith(`Teleport v${version} `);
  }
}, 300_000);

describe("with a program without weight", () => {
  const pack = (limits: Partial<Record<keyof typeof LIMITS, number>> = {}) =>
    writeTarballs({ version, date: DATE, folder }, VARIANT, packages, {
      executable: "/bin/true",
      limits: { ...LIMITS, ...limits },
    });

  test.skipIf(!isInstalled("zstd"))("both compressions hold the same", async () => {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    await pack();
    expect(readdirSync(folder).sort()).toEqual(TARBALLS.flatMap(({ gzip, zstd }) => [gzip, zstd]).sort());
    for (const { gzip, zstd, topFolder } of TARBALLS) {
      for (const name of [gzip, zstd]) {
        const { into, listed } = await unpacked(name);
        expect(listed).toEqual(expected(topFolder));
        expect(readFileSync(join(into, topFolder, "teleport-update")).equals(readFileSync("/bin/true"))).toBeTrue();
      }
    }
  });

  test.each(["gzip", "zstd"] as const)("one above the limit of %s is not written", async (compression) => {
    await expect(pack({ [compression]: 1000 })).rejects.toThrow(
      new RegExp(`^\`${TARBALLS[0]?.[compression].replaceAll(".", "\\.")}\` has \\d+ bytes, and 1000 is the most$`),
    );
  });
});
