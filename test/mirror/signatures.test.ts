import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseIndex } from "../../src/mirror/index-file.ts";
import { folderOrigin } from "../../src/mirror/origins.ts";
import { signatureText } from "../../src/mirror/site-key.ts";
import { makeP256Pair, type P256Signer, parseP256Signer } from "../../src/platform/p256-signer.ts";
import { archiveBytes, build, mirrorWorld, nameOf, putArchive, temporaryFolder } from "./building.ts";

const NAME = nameOf("18.1.0");
const SIGNATURE = `${NAME}.sig`;
const PAGE = "<html>sign in</html>";

const [publisher, operator, site] = [keyPair(), keyPair(), keyPair()];

let place: ReturnType<typeof temporaryFolder>;
let cdn: string;
let tree: string;
let world: ReturnType<typeof mirrorWorld>;
let sha256: string;
beforeEach(() => {
  place = temporaryFolder();
  [cdn, tree] = [join(place.path, "cdn"), join(place.path, "tree")];
  for (const folder of [cdn, tree]) mkdirSync(folder);
  world = mirrorWorld();
  sha256 = putArchive(cdn, NAME, archiveBytes(1));
});
afterEach(() => place[Symbol.dispose]());

function keyPair(): P256Signer {
  const signer = parseP256Signer(makeP256Pair().privatePem);
  if (signer === undefined) throw new Error("no key");
  return signer;
}

const by = (signer: P256Signer) => signatureText(signer, sha256);
const trust = (...keys: P256Signer[]) => ({ demands: { keys: keys.map(({ key }) => key), skipSignature: false } });
const publish = (text: string) => writeFileSync(join(cdn, SIGNATURE), text);
const put = (text: string) => writeFileSync(join(tree, SIGNATURE), text);
const inTree = () => readFileSync(join(tree, SIGNATURE), "utf8");
const named = () => parseIndex(readFileSync(join(tree, "index.json"), "utf8"), "").files[SIGNATURE];
const run = (rest: object = {}) =>
  build(world, tree, { versions: ["18.1.0"], origins: [folderOrigin(world.localFiles, cdn)], ...rest });
const warnings = () => world.log.lines.filter((line) => line.startsWith("WARN")).join("\n");

describe("[threat mirror-keeps] a signature that somebody put beside an archive", () => {
  beforeEach(() => {
    publish(by(publisher));
    put(by(operator));
  });

  test("stays when the place has another one, which is said, and stays somebody's", async () => {
    expect((await run()).failed).toEqual([]);
    expect(inTree()).toBe(by(operator));
    expect(named()).toBeUndefined();
    expect(warnings()).toContain("--replace-signatures");
  });

  test("stays when the site signs, and the archive fails", async () => {
    rmSync(join(cdn, SIGNATURE));
    const { failed } = await run({ signer: site });
    expect(failed).toMatchObject([{ error: { code: "E_MIRROR", message: expect.stringContaining(tree) } }]);
    expect(inTree()).toBe(by(operator));
  });

  test("gives way when that is wanted, to the publisher's or to the site's", async () => {
    await run({ replaceSignatures: true });
    expect(inTree()).toBe(by(publisher));
    put(by(operator));
    await run({ signer: site, replaceSignatures: true });
    expect(inTree()).toBe(by(site));
  });

  test("gives way to one that a trusted key proves, when none proves the old one", async () => {
    await run(trust(publisher, operator));
    expect(inTree()).toBe(by(operator));
    await run(trust(publisher));
    expect(inTree()).toBe(by(publisher));
  });

  test("is the site's own when it is by its key", async () => {
    rmSync(join(cdn, SIGNATURE));
    put(`${by(site)}\n`);
    expect((await run({ signer: site })).failed).toEqual([]);
    expect(named()).toMatchObject({ bytes: by(site).length + 1 });
  });
});

test("[threat mirror-keeps] a file of somebody is in the way of a signature, though it is none", async () => {
  publish(by(publisher));
  const harm = [
    () => put("-----BEGIN PGP SIGNATURE-----"),
    () => put("x".repeat(5000)),
    () => symlinkSync("elsewhere", join(tree, SIGNATURE)),
  ];
  for (const plant of harm) {
    rmSync(join(tree, SIGNATURE), { force: true });
    plant();
    for (const rest of [{}, { signer: site }, trust(publisher)]) {
      expect((await run(rest)).failed).toMatchObject([
        {
          error: {
            code: "E_MIRROR",
            message: expect.stringContaining("is in the way"),
            hint: expect.stringContaining("mv "),
          },
        },
      ]);
    }
  }
  await run({ replaceSignatures: true });
  expect(inTree()).toBe(by(publisher));
});

describe("[threat mirror-keeps] a publisher's signature", () => {
  beforeEach(async () => {
    publish(by(publisher));
    await run();
    expect(named()?.origin).toBeDefined();
  });

  test("stays when the place answers with a page, which is said", async () => {
    publish(PAGE);
    expect((await run()).failed).toEqual([]);
    expect(inTree()).toBe(by(publisher));
    expect(warnings()).toContain("sign in");
  });

  test("stays when the place has another one", async () => {
    publish(by(operator));
    await run();
    expect(inTree()).toBe(by(publisher));
    expect(named()?.origin).toBeDefined();
  });

  test("comes again when it was damaged, and not when it is another signature by now", async () => {
    put(by(publisher).slice(0, 40));
    await run();
    expect(inTree()).toBe(by(publisher));
    put(by(operator));
    await run();
    expect(inTree()).toBe(by(operator));
  });
});

test.each([PAGE, "", Buffer.from("3003020101", "hex").toString("base64"), Buffer.alloc(64, 1).toString("base64")])(
  "%j is no signature, and is not put beside an archive",
  async (text) => {
    publish(text);
    expect((await run()).failed).toEqual([]);
    expect(() => inTree()).toThrow();
    expect(warnings()).toContain(join(cdn, SIGNATURE));
    await run({ signer: site });
    expect(inTree()).toBe(by(site));
  },
);

test("the site's signature gives way to the publisher's when that is wanted, by no key alone", async () => {
  await run({ signer: site });
  publish(by(publisher));
  await run(trust(publisher));
  expect(inTree()).toBe(by(site));
  await run({ ...trust(publisher), replaceSignatures: true });
  expect(inTree()).toBe(by(publisher));
  rmSync(join(cdn, SIGNATURE));
  await run({ replaceSignatures: true });
  expect(inTree()).toBe(by(publisher));
});
