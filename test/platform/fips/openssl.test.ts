import { describe, expect, test } from "bun:test";
import { sha256 } from "../../../src/platform/fips/digest.ts";
import { judgePair } from "../../../src/platform/fips/key-pair.ts";
import { makeP256Pair, parseP256Signer } from "../../../src/platform/fips/p256-signer.ts";
import { streamSha256, writtenSha256 } from "../../../src/platform/fips/stream-digest.ts";
import { judgePair as ordinaryJudge } from "../../../src/platform/key-pair.ts";
import { makeAuthority } from "../../support/certificates.ts";

const refusal = expect.objectContaining({ code: "E_FIPS" });
/** On a host with a module there is nothing to refuse, and `test/booted/fips.test.ts` shows that it works. */
const hasModule = Bun.spawnSync(["/usr/bin/openssl", "dgst", "-sha256", "-propquery", "fips=yes", "/dev/null"]).success;
if (hasModule) console.log("not shown here: what happens without a FIPS module, as this host has one");

describe.skipIf(hasModule)("without a module nothing is computed", () => {
  test("no digest of something small", () => {
    expect(() => sha256(Buffer.from("abc"))).toThrow(refusal);
  });

  test("no digest of a stream, however much comes", async () => {
    const digest = async (parts: number) => {
      const digest = streamSha256();
      for (let part = 0; part < parts; part += 1) await digest.update(new Uint8Array(1 << 20));
      return digest.hex();
    };
    await expect(digest(0)).rejects.toThrow(refusal);
    await expect(digest(4)).rejects.toThrow(refusal);
  });

  test("no digest of a file", async () => {
    await expect(Promise.resolve(writtenSha256().hex(import.meta.path))).rejects.toThrow(refusal);
  });

  test("no key, and no signature", () => {
    expect(() => makeP256Pair()).toThrow(refusal);
    expect(() => parseP256Signer(ordinaryPair)).toThrow(refusal);
  });
});

const ordinaryPair = String(
  Bun.spawnSync(["/usr/bin/openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).stdout,
);

describe("a certificate and a key are judged as by the runtime", async () => {
  const authority = await makeAuthority();
  const [own, other] = [await authority.issueClient("a"), await authority.issueClient("b")];
  const locked = String(
    Bun.spawnSync(["/usr/bin/openssl", "pkey", "-aes256", "-passout", "pass:x"], { stdin: Buffer.from(own.key) })
      .stdout,
  );
  test.each([
    ["a pair", own.cert, own.key],
    ["a pair with its chain", own.cert + authority.ca, own.key],
    ["strangers", own.cert, other.key],
    ["no certificate", own.key, own.key],
    ["no key", own.cert, own.cert],
    ["a key with a password", own.cert, locked],
  ])("%s", (_, cert, key) => {
    const { cause: _cause, ...expected } = { cause: undefined, ...ordinaryJudge(cert, key) };
    expect(judgePair(cert, key)).toEqual(expected);
  });
});
