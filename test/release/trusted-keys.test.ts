import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync } from "node:fs";
import { readTrustedKeys } from "../../src/release/trusted-keys.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const pem = (curve = "P-256") =>
  String(generateKeyPairSync("ec", { namedCurve: curve }).publicKey.export({ type: "spki", format: "pem" }));
const rsa = String(
  generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }),
);
const secret = String(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
);

test("no file, no keys", async () => {
  using host = temporaryHost();
  expect(await readTrustedKeys(host.files, [])).toEqual([]);
});

test("several files of several keys, with words around them", async () => {
  using host = temporaryHost();
  host.write("/etc/a.pem", `the release key\n${pem()}\nthe backup key\n${pem()}`);
  host.write("/etc/b.pem", pem());
  const keys = await readTrustedKeys(host.files, ["/etc/a.pem", "/etc/b.pem"]);
  expect(new Set(keys.map(({ id }) => id)).size).toBe(3);
});

test("a link to a file is followed, and its end is what counts", async () => {
  using host = temporaryHost();
  host.write("/etc/2026.pem", pem());
  host.link("/etc/key.pem", "2026.pem");
  expect(await readTrustedKeys(host.files, ["/etc/key.pem"])).toHaveLength(1);
  chmodSync(`${host.root}/etc/2026.pem`, 0o666);
  await expect(readTrustedKeys(host.files, ["/etc/key.pem"])).rejects.toMatchObject({ code: "E_TRUSTED_KEY" });
});

describe("refused, and never taken for no key", () => {
  test.each([
    ["no file", undefined, "does not exist"],
    ["an empty file", "", "holds no key in PEM form"],
    ["other text", "hello", "holds no key in PEM form"],
    ["another curve", pem("P-384"), "an ECDSA public key on P-256 is needed"],
    ["RSA", rsa, "an ECDSA public key on P-256 is needed"],
    ["a private key", secret, "a private key of another kind"],
    ["a damaged key", pem().replace(/\n.{10}/, "\nAAAAAAAAAA"), "an ECDSA public key on P-256 is needed"],
    ["a good key and a damaged one", `${pem()}${pem("P-521")}`, "an ECDSA public key on P-256 is needed"],
    ["a gigantic file", "x".repeat(1 << 16), ""],
  ])("%s", async (_, content, reason) => {
    using host = temporaryHost();
    if (content !== undefined) host.write("/etc/key.pem", content);
    await expect(readTrustedKeys(host.files, ["/etc/key.pem"])).rejects.toMatchObject({
      code: "E_TRUSTED_KEY",
      message: expect.stringContaining(reason),
    });
  });

  test("a directory, which nobody planted", async () => {
    using host = temporaryHost();
    host.files.makeDirectory("/etc/keys");
    await expect(readTrustedKeys(host.files, ["/etc/keys"])).rejects.toMatchObject({
      code: "E_TRUSTED_KEY",
      message: expect.stringMatching(/^`.*\/etc\/keys` is a directory$/),
      hint: "name the file",
    });
  });

  test("a file that others may write", async () => {
    using host = temporaryHost();
    host.write("/etc/key.pem", pem());
    chmodSync(`${host.root}/etc/key.pem`, 0o666);
    await expect(readTrustedKeys(host.files, ["/etc/key.pem"])).rejects.toMatchObject({
      code: "E_TRUSTED_KEY",
      message: expect.stringContaining("lets others write it"),
    });
  });
});
