import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyDigests, writeDigests } from "../../../scripts/release/digests.ts";
import { writeSignatures } from "../../../scripts/release/signatures.ts";
import { installNotes } from "../../../scripts/release/texts.ts";
import { makeP256Pair, parseP256Signer } from "../../../src/platform/p256-signer.ts";
import { must } from "../../support/must.ts";

const { privatePem, publicPem } = makeP256Pair();
const PLAN = { version: "1.2.3", commit: "", date: new Date(0), variants: [], place: "", trustedKeys: [] };

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "digests-"));
  await Bun.write(join(folder, "teleport-update-1.2.3.tgz"), "archive");
  await Bun.write(join(folder, "install.sh"), "script");
  await writeDigests({ folder });
  await writeSignatures({ ...PLAN, folder, signer: parseP256Signer(privatePem) });
  await Bun.write(join(folder, "publisher.pub"), publicPem);
});
afterAll(() => rmSync(folder, { recursive: true }));

const inFolder = (script: string) => must(["sh", "-euc", `cd "$0" && ${script}`, folder]);

test("sha256sum finds each file as it was, by its own list and by that of all", async () => {
  expect(await inFolder("sha256sum --check install.sh.sha256 teleport-update-1.2.3.tgz.sha256")).toBe(
    "install.sh: OK\nteleport-update-1.2.3.tgz: OK\n",
  );
  expect(await inFolder("sha256sum --check SHA256SUMS")).toBe("install.sh: OK\nteleport-update-1.2.3.tgz: OK\n");
});

test("openssl takes the signatures, by the commands of INSTALL.md, and none of another file", async () => {
  const commands = [
    ...installNotes({ architecture: "amd64", isFips: false }).matchAll(/^ {4}((?:base64|openssl) .*)$/gm),
  ];
  const check = (archive: string) => commands.map(([, line = ""]) => line.replaceAll("ARCHIVE", archive)).join(" && ");
  for (const name of ["teleport-update-1.2.3.tgz", "install.sh", "SHA256SUMS"])
    expect(await inFolder(check(name))).toBe("Verified OK\n");
  await inFolder("cp install.sh other && cp SHA256SUMS.sig other.sig");
  expect(inFolder(check("other"))).rejects.toThrow("Verification failure");
});

describe("before the signatures", () => {
  let unsigned: string;
  beforeEach(async () => {
    unsigned = mkdtempSync(join(tmpdir(), "unsigned-"));
    await Bun.write(join(unsigned, "a"), "a");
    await writeDigests({ folder: unsigned });
  });
  afterEach(() => rmSync(unsigned, { recursive: true }));

  test("without a key nothing is signed", async () => {
    await writeSignatures({ ...PLAN, folder: unsigned, signer: undefined });
    expect(readdirSync(unsigned).sort()).toEqual(["SHA256SUMS", "a", "a.sha256"]);
  });

  test("files that the lists know pass", async () => {
    expect(await verifyDigests({ folder: unsigned })).toBeUndefined();
  });

  test("a file that is not in the list of all is named", async () => {
    await Bun.write(join(unsigned, "b"), "b");
    expect(verifyDigests({ folder: unsigned })).rejects.toThrow("`b` is not in `SHA256SUMS`");
  });

  test.each(["a", "a.sha256", "SHA256SUMS"])("a change of %s is found", async (name) => {
    await Bun.write(join(unsigned, name), `${"0".repeat(64)}  a\n`);
    expect(verifyDigests({ folder: unsigned })).rejects.toThrow("a: FAILED");
  });

  test("a file that changed since its digest is not signed", async () => {
    await Bun.write(join(unsigned, "a"), "b");
    const signing = writeSignatures({ ...PLAN, folder: unsigned, signer: parseP256Signer(privatePem) });
    expect(signing).rejects.toThrow("`a.sig` is no signature of `a`");
  });
});
