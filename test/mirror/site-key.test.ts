import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSiteKey, signatureText, writeSiteKey } from "../../src/mirror/site-key.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { parseP256Key } from "../../src/platform/p256.ts";
import { sha256Of } from "../release/archive.ts";
import { must } from "../support/must.ts";
import { temporaryFolder } from "./building.ts";

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, "site.key");
});
afterEach(() => folder[Symbol.dispose]());

const files = hostFiles();

describe("a new key", () => {
  test("[threat signing-key] is for nobody else, and its public half for everybody", async () => {
    const { id, publicFile } = await writeSiteKey(files, path);
    expect([path, publicFile].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o644]);
    expect((await readSiteKey(files, path)).key.id).toBe(id);
  });

  test("makes signatures that openssl verifies", async () => {
    const { publicFile } = await writeSiteKey(files, path);
    const [archive, signature] = [join(folder.path, "archive"), join(folder.path, "signature")];
    writeFileSync(archive, "the bytes of an archive");
    const text = signatureText(await readSiteKey(files, path), sha256Of("the bytes of an archive"));
    writeFileSync(signature, Buffer.from(text, "base64"));
    const verify = ["openssl", "dgst", "-sha256", "-verify", publicFile, "-signature", signature, archive];
    expect(await must(verify)).toContain("Verified OK");
  });

  test.each(["site.key", "site.key.pub"])("never replaces %s", async (name) => {
    writeFileSync(join(folder.path, name), "precious");
    await expect(writeSiteKey(files, path)).rejects.toMatchObject({ code: "E_SIGNING_KEY" });
    expect(readFileSync(join(folder.path, name), "utf8")).toBe("precious");
    expect(readdirSync(folder.path)).toEqual([name]);
  });
});

test("two runs at once make one pair", async () => {
  const runs = await Promise.allSettled([writeSiteKey(files, path), writeSiteKey(files, path)]);
  const made = runs.flatMap((run) => (run.status === "fulfilled" ? [run.value.id] : []));
  expect(made).toHaveLength(1);
  expect((await readSiteKey(files, path)).key.id).toBe(made[0] ?? "");
  expect(parseP256Key(readFileSync(`${path}.pub`, "utf8"))?.id).toBe(made[0] ?? "");
});

test("[threat signing-key] a key is not made in a mirror, which everybody is shown", async () => {
  writeFileSync(join(folder.path, "index.json"), "{}");
  await expect(writeSiteKey(files, path)).rejects.toMatchObject({ code: "E_SIGNING_KEY" });
  expect(readdirSync(folder.path)).toEqual(["index.json"]);
});

test("the public half is called so, and not told to be closed", async () => {
  const { publicFile } = await writeSiteKey(files, path);
  await expect(readSiteKey(files, publicFile)).rejects.toMatchObject({
    message: `\`${publicFile}\` holds the public key`,
    hint: expect.stringContaining("name the private one"),
  });
});

describe("[threat signing-key] a key is refused", () => {
  test.each([
    ["that is not there", async () => {}],
    ["that others may read", () => writeSiteKey(files, path).then(() => chmodSync(path, 0o640))],
    ["that others may write", () => writeSiteKey(files, path).then(() => chmodSync(path, 0o620))],
    ["that is another file", async () => writeFileSync(path, "hello", { mode: 0o600 })],
    [
      "with a password",
      async () => {
        await must([
          "openssl",
          "genpkey",
          "-algorithm",
          "EC",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-aes256",
          "-pass",
          "pass:x",
          "-out",
          path,
        ]);
        chmodSync(path, 0o600);
      },
    ],
  ])("%s", async (_, prepare) => {
    await prepare();
    await expect(readSiteKey(files, path)).rejects.toMatchObject({
      code: "E_SIGNING_KEY",
      message: expect.stringContaining(path),
    });
  });
});
