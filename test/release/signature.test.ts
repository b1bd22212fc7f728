import { beforeAll, describe, expect, test } from "bun:test";
import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import { type P256Key, parseP256Key } from "../../src/platform/p256.ts";
import { verifySignature } from "../../src/release/signature.ts";
import { must } from "../support/must.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const ARCHIVE = Buffer.from("the bytes of an archive");
const PLACE = "https://cdn.example.com/teleport.tar.gz.sig";
const signer = generateKeyPairSync("ec", { namedCurve: "P-256" });
const another = generateKeyPairSync("ec", { namedCurve: "P-256" });

const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const keyOf = ({ publicKey }: typeof signer): P256Key => {
  const key = parseP256Key(String(publicKey.export({ type: "spki", format: "pem" })));
  if (key === undefined) throw new Error("the key is not read");
  return key;
};
const sign = (bytes: Uint8Array, by = signer, dsaEncoding: "der" | "ieee-p1363" = "der") =>
  createSign("sha256").update(bytes).sign({ key: by.privateKey, dsaEncoding });
const verify = (text: string, keys = [keyOf(signer)], sha256 = digestOf(ARCHIVE)) =>
  verifySignature({ text, place: PLACE }, sha256, keys);

describe("a signature is taken", () => {
  test("by the key that made it, in whatever order the keys are", async () => {
    const text = sign(ARCHIVE).toString("base64");
    expect(await verify(text)).toEqual(keyOf(signer));
    expect(await verify(text, [keyOf(another), keyOf(signer)])).toEqual(keyOf(signer));
  });

  test("broken into lines, and with a line end", async () => {
    const text = sign(ARCHIVE).toString("base64").replace(/.{20}/g, "$&\n");
    expect(await verify(`${text}\r\n`)).toEqual(keyOf(signer));
  });

  test("with halves of either sign", async () => {
    // Half of all signatures have a second half that stricter readers refuse.
    for (let count = 0; count < 20; count += 1) await verify(sign(ARCHIVE).toString("base64"));
  });

  test("as openssl makes it, and its key is named as openssl would", async () => {
    using host = temporaryHost();
    const at = (name: string) => `${host.root}/${name}`;
    await Bun.write(at("archive"), ARCHIVE);
    await must(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at("key")]);
    await must(["openssl", "pkey", "-in", at("key"), "-pubout", "-out", at("key.pub")]);
    await must(["openssl", "pkey", "-pubin", "-in", at("key.pub"), "-outform", "DER", "-out", at("key.der")]);
    await must(["openssl", "dgst", "-sha256", "-sign", at("key"), "-out", at("sig"), at("archive")]);
    const text = Buffer.from(await Bun.file(at("sig")).arrayBuffer()).toString("base64");
    const key = parseP256Key(await Bun.file(at("key.pub")).text());
    if (key === undefined) throw new Error("the key is not read");
    expect(await verify(text, [key])).toBe(key);
    const der = new Uint8Array(await Bun.file(at("key.der")).arrayBuffer());
    expect(key.id).toBe(`SHA256:${createHash("sha256").update(der).digest("base64")}`);
  });
});

describe("a signature is refused", () => {
  let good: Buffer;
  beforeAll(() => {
    good = sign(ARCHIVE);
  });

  const digestOfDigest = () => sign(Buffer.from(digestOf(ARCHIVE), "hex"));
  test.each<[string, () => string, string]>([
    ["by another key", () => sign(ARCHIVE, another).toString("base64"), "is no signature by a trusted key (SHA256:"],
    ["of another file", () => sign(Buffer.from("other")).toString("base64"), "is no signature by a trusted key"],
    ["of the digest's digest", () => digestOfDigest().toString("base64"), "is no signature by a trusted key"],
    ["in the P1363 form", () => p1363().toString("base64"), "64 raw bytes of the IEEE P1363 form"],
    ["that is empty", () => "", "is empty"],
    ["of blanks", () => " \n", "is empty"],
    ["that is cut", () => good.subarray(0, -5).toString("base64"), "is no whole signature in ASN.1 DER"],
    ["with more behind it", () => Buffer.concat([good, good]).toString("base64"), "is no whole signature"],
    ["of one half", () => Buffer.from("3003020101", "hex").toString("base64"), "is no whole signature"],
    ["of other things than halves", () => Buffer.from("3006040101040101", "hex").toString("base64"), "is no whole sig"],
    ["cut inside its base64", () => good.toString("base64").slice(0, -3), "is not base64"],
    ["as raw bytes", () => good.toString("latin1"), "is not base64"],
    ["that is a page", () => "<html>not found</html>", 'is not base64: it starts with "<html>'],
    ["with one bit changed", () => flipped(good).toString("base64"), "is no signature by a trusted key"],
    ["of zeros", () => Buffer.from("3006020100020100", "hex").toString("base64"), "is no signature by a trusted key"],
  ])("%s", async (_, text, reason) => {
    await expect(verify(text())).rejects.toMatchObject({
      code: "E_SIGNATURE",
      message: expect.stringContaining(reason),
      hint: expect.stringMatching(/./),
    });
  });

  test("with a good key of another archive's digest", async () => {
    await expect(verify(good.toString("base64"), undefined, digestOf(Buffer.from("x")))).rejects.toMatchObject({
      code: "E_SIGNATURE",
    });
  });
});

/** Its first byte may be that of DER by chance: then it is signed again. */
function p1363(): Buffer {
  const raw = sign(ARCHIVE, signer, "ieee-p1363");
  return raw[0] === 0x30 ? p1363() : raw;
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.length - 1;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
