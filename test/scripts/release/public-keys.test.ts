import { afterAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPublicKeys } from "../../../scripts/release/public-keys.ts";
import { makeP256Pair } from "../../../src/platform/p256-signer.ts";

const folder = mkdtempSync(join(tmpdir(), "public-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [one, two] = [makeP256Pair(), makeP256Pair()];
const ED25519 = String(generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }));

function fileOf(content: string): string {
  const path = join(folder, `${Bun.hash(content)}.pub`);
  writeFileSync(path, content);
  return path;
}

function complaintAbout(paths: readonly string[]): string {
  try {
    return `taken as ${readPublicKeys(paths)}`;
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
}

test("all keys of all files are taken, also of one that ends without a line break", () => {
  expect(readPublicKeys([])).toBe("");
  expect(readPublicKeys([fileOf(one.publicPem.trimEnd()), fileOf(two.publicPem)])).toBe(one.publicPem + two.publicPem);
  expect(readPublicKeys([fileOf(`${one.publicPem}\n${two.publicPem}`)])).toBe(one.publicPem + two.publicPem);
});

test.each([
  ["an empty file", "", "holds no public key"],
  ["a file that was cut", one.publicPem.slice(0, 80), "holds no public key"],
  ["a whole key, and one that was cut", one.publicPem + two.publicPem.slice(0, 80), "holds something besides"],
  ["a key of another kind", one.publicPem + ED25519, "holds a public key of another kind"],
  ["a damaged key", one.publicPem.replace("MFkw", "AAAA"), "holds a public key of another kind"],
  ["a private key", one.privatePem, "holds a private key"],
  ["a private key beside the public one", one.publicPem + one.privatePem, "holds a private key"],
])("%s ends the build, which names the file and nothing of it", (_, content, complaint) => {
  const path = fileOf(content);
  const said = complaintAbout([fileOf(two.publicPem), path]);
  expect(said).toStartWith(`\`${path}\` ${complaint}`);
  expect(said.replace(path, "")).not.toMatch(/MI|MF|-----/);
  expect(complaintAbout([path])).toBe(said);
});

test("a file that is not there ends the build", () =>
  expect(() => readPublicKeys([join(folder, "absent.pub")])).toThrow("absent.pub` cannot be read"));
