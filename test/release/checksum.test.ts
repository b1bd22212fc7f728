import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDigest, readStoredChecksum } from "../../src/release/checksum.ts";
import { temporaryFolder, testWorld } from "./archive.ts";

const DIGEST = "0123456789abcdef".repeat(4);

test.each([
  ["as sha256sum writes it", `${DIGEST}  teleport.tar.gz\n`, DIGEST],
  ["alone", DIGEST, DIGEST],
  ["in capitals", DIGEST.toUpperCase(), DIGEST],
  ["empty", "", undefined],
  ["too short", DIGEST.slice(1), undefined],
  ["not hex", `x${DIGEST}`, undefined],
  ["behind a blank", ` ${DIGEST}`, undefined],
])("a digest %s", (_, text, expected) => {
  expect(parseDigest(text)).toBe(expected);
});

describe("stored checksum", () => {
  test.each([
    ["whole", DIGEST, DIGEST],
    ["with a file name", `${DIGEST}  x`, DIGEST],
    ["bad", "bad", "damaged"],
    ["too large", "x".repeat(5000), "damaged"],
  ])("%s", (_, content, expected) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "sha256"), content);
    expect(readStoredChecksum(testWorld().files, folder.path)).toBe(expected);
  });

  test("missing, or a directory", () => {
    using folder = temporaryFolder();
    expect(readStoredChecksum(testWorld().files, folder.path)).toBeUndefined();
    mkdirSync(join(folder.path, "sha256"));
    expect(readStoredChecksum(testWorld().files, folder.path)).toBe("damaged");
  });
});
