import { describe, expect, test } from "bun:test";
import { createVerify, generateKeyPairSync } from "node:crypto";
import { isSignedBy, parseP256Key } from "../../src/platform/p256.ts";
import { makeP256Pair, parseP256Signer } from "../../src/platform/p256-signer.ts";
import { sha256Of } from "../release/archive.ts";

const MESSAGE = Buffer.from("the bytes of an archive");
const DIGEST = Buffer.from(sha256Of(MESSAGE), "hex");

describe("a new pair", () => {
  const { privatePem, publicPem } = makeP256Pair();
  const signer = parseP256Signer(privatePem);
  if (signer === undefined) throw new Error("the key is not read");

  test("belongs together", () => {
    expect(parseP256Key(publicPem)).toEqual(signer.key);
    expect(makeP256Pair().privatePem).not.toBe(privatePem);
  });

  test("signs by the digest what others verify by the message", () => {
    const signature = signer.sign(DIGEST);
    expect(createVerify("sha256").update(MESSAGE).verify(publicPem, signature)).toBe(true);
    expect(createVerify("sha256").update("another").verify(publicPem, signature)).toBe(false);
    expect(isSignedBy(signer.key, DIGEST, signature)).toBe(true);
  });

  test("gives the same digest the same signature", () => {
    expect(signer.sign(DIGEST)).toEqual(signer.sign(DIGEST));
  });
});

describe("a key in PEM form", () => {
  const pemOf = (curve: string, type: "pkcs8" | "sec1") =>
    String(generateKeyPairSync("ec", { namedCurve: curve }).privateKey.export({ type, format: "pem" }));

  test.each(["pkcs8", "sec1"] as const)("is read as %s", (type) => {
    expect(parseP256Signer(pemOf("P-256", type))?.key.id).toStartWith("SHA256:");
  });

  test.each([
    ["on another curve", pemOf("P-384", "pkcs8")],
    ["a public one", makeP256Pair().publicPem],
    ["something else", "hello"],
  ])("is none: %s", (_, pem) => {
    expect(parseP256Signer(pem)).toBeUndefined();
  });
});
