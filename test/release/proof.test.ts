import { describe, expect, test } from "bun:test";
import { createSign, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type P256Key, parseP256Key } from "../../src/platform/p256.ts";
import { folderSource } from "../../src/release/folder-source.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { type ProofDemands, proveDigest } from "../../src/release/proof.ts";
import { proofRecord, readProof } from "../../src/release/proof-record.ts";
import { serve, sha256Of, temporaryFolder, testWorld } from "./archive.ts";

const NAME = "a.tar.gz";
const ARCHIVE = Buffer.from("the bytes of an archive");
const DIGEST = sha256Of(ARCHIVE);
const OTHER = sha256Of("others");
const signer = generateKeyPairSync("ec", { namedCurve: "P-256" });
const KEY = keyOf(signer);
const SIGNATURE = createSign("sha256").update(ARCHIVE).sign(signer.privateKey).toString("base64");
const NOTHING: ProofDemands = { pinned: [], keys: [], skipSignature: false };
const operator = (sha256: string) => ({ sha256, by: "`--digest`" });
const cluster = (sha256: string) => ({ sha256, by: "the cluster" });

interface Given {
  /** Undefined: the place has none. */
  checksum?: string | undefined;
  signature?: string | undefined;
  demands?: Partial<ProofDemands>;
}

describe("the strongest proof is what counts", () => {
  test.each<[title: string, given: Given, by: string]>([
    ["a signature, with everything else", { demands: { keys: [KEY], pinned: [operator(DIGEST)] } }, "signature"],
    ["a signature, with a checksum", { demands: { keys: [KEY] } }, "signature"],
    [
      "a signature of a pinned digest, without a checksum",
      { checksum: undefined, demands: { keys: [KEY], pinned: [cluster(DIGEST)] } },
      "signature",
    ],
    ["a pinned digest, with a checksum", { demands: { pinned: [operator(DIGEST)] } }, "pinned digest"],
    [
      "a pinned digest, without a checksum",
      { checksum: undefined, demands: { pinned: [operator(DIGEST)] } },
      "pinned digest",
    ],
    ["digests pinned by both", { demands: { pinned: [operator(DIGEST), cluster(DIGEST)] } }, "pinned digest"],
    ["a checksum", {}, "checksum"],
    ["a checksum, where a signature lies that nobody asks for", { signature: "nonsense" }, "checksum"],
    [
      "a checksum, where no signature is asked for",
      { signature: undefined, demands: { keys: [KEY], skipSignature: true } },
      "checksum",
    ],
  ])("%s", async (_, given, by) => {
    const { proof, world } = await prove(given);
    expect(proof).toMatchObject({
      by,
      sha256: DIGEST,
      key: by === "signature" ? KEY.id : undefined,
      isSignatureSkipped: given.demands?.skipSignature ?? false,
    });
    expect(world.lines.at(-1)).toBe(
      `info The release is known by its digest. ${JSON.stringify({ file: NAME, proof: by, sha256: DIGEST, key: proof.key })}`,
    );
    const warnings = world.lines.filter((line) => line.startsWith("warn"));
    expect(warnings).toHaveLength(given.demands?.skipSignature ? 1 : 0);
  });

  test("and the place and the time of its checksum are known", async () => {
    const { proof, url } = await prove({});
    expect([proof.place, proof.published]).toEqual([`${url}/${NAME}`, new Date(MODIFIED)]);
  });
});

describe("what to do about a missing checksum is said in the words of who asks", () => {
  test.each([
    [false, "check the base URL and its path: `curl -I", "`--force-version`"],
    [true, "check the place that the mirror is built from and its path: `curl -I", "`--version`"],
  ])("for a mirror: %p", async (isForMirror, start, another) => {
    const failure = await prove({ checksum: undefined, demands: { isForMirror } }).catch((error) => error);
    expect(failure.hint).toStartWith(start);
    expect(failure.hint).toContain(`/${NAME}.sha256\`; `);
    expect(failure.hint).toEndWith(another);
  });

  test("of a folder it is the folder", async () => {
    using at = temporaryFolder();
    const source = folderSource(testWorld().files, at.path, NAME);
    const failure = await proveDigest(source, NAME, NOTHING, testWorld().log).catch((error) => error);
    expect(failure.hint).toStartWith(`check the folder: \`ls ${at.path}\`; `);
  });
});

describe("nothing is believed", () => {
  const page = "<html>".repeat(2000);
  test.each<[title: string, given: Given, code: string, words: RegExp]>([
    ["without a checksum", { checksum: undefined }, "E_CHECKSUM", /^checksum not found: `.*\.sha256`$/],
    ["with an empty checksum", { checksum: "" }, "E_CHECKSUM", /\.sha256` holds no checksum/],
    ["with a checksum that is too short", { checksum: DIGEST.slice(1) }, "E_CHECKSUM", /\.sha256` holds no checksum/],
    ["with something else than a checksum", { checksum: `x${DIGEST}` }, "E_CHECKSUM", /\.sha256` holds no checksum/],
    ["with a page for a checksum", { checksum: page }, "E_CHECKSUM", /\.sha256` is larger than/],
    [
      "with a checksum that is damaged, though a digest is pinned",
      { checksum: "", demands: { pinned: [operator(DIGEST)] } },
      "E_CHECKSUM",
      /holds no checksum/,
    ],
    [
      "without a signature",
      { signature: undefined, demands: { keys: [KEY] } },
      "E_SIGNATURE",
      /^signature not found: `.*\.sig`$/,
    ],
    ["with an empty signature", { signature: "", demands: { keys: [KEY] } }, "E_SIGNATURE", /\.sig` is empty/],
    [
      "with a page for a signature",
      { signature: page, demands: { keys: [KEY] } },
      "E_SIGNATURE",
      /\.sig` is larger than/,
    ],
    [
      "with a signature of another archive",
      { checksum: OTHER, demands: { keys: [KEY] } },
      "E_SIGNATURE",
      /no signature by a trusted key/,
    ],
    [
      "with a signature by another key",
      { demands: { keys: [keyOf(generateKeyPairSync("ec", { namedCurve: "P-256" }))], pinned: [operator(DIGEST)] } },
      "E_SIGNATURE",
      /no signature by a trusted key/,
    ],
    [
      "when the operator says otherwise",
      { demands: { pinned: [operator(OTHER)] } },
      "E_CHECKSUM",
      /^`--digest` says that `a.tar.gz` has .*, and `http.*\.sha256` says/,
    ],
    ["when the cluster says otherwise", { demands: { pinned: [cluster(OTHER)] } }, "E_CHECKSUM", /^the cluster says/],
    [
      "when operator and cluster disagree",
      { checksum: undefined, demands: { pinned: [operator(DIGEST), cluster(OTHER)] } },
      "E_CHECKSUM",
      /^`--digest` says .*, and the cluster says/,
    ],
  ])("[threat answer-limits] %s", async (_, given, code, words) => {
    await expect(prove(given)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });

  test.each([401, 403, 500, 503])("[threat status-means] when the checksum is answered with %d", async (status) => {
    await using server = serve(() => new Response(DIGEST, { status }));
    const world = testWorld();
    await expect(proveDigest(httpSource(world, server.url), NAME, NOTHING, world.log)).rejects.toMatchObject({
      code: "E_CHECKSUM",
      message: expect.stringContaining(`${server.url}/${NAME}.sha256`),
    });
  });

  test("when the network fails, which is another matter", async () => {
    const world = testWorld();
    const source = httpSource(world, "http://127.0.0.1:1");
    await expect(proveDigest(source, NAME, NOTHING, world.log)).rejects.toMatchObject({ code: "E_NETWORK" });
  });
});

describe("a checksum that cannot be read, where a digest is pinned,", () => {
  const pinned = { ...NOTHING, pinned: [operator(DIGEST)] };

  test.each([401, 403, 500])("counts as none, and that is said: status %d", async (status) => {
    await using server = serve(() => new Response(null, { status }));
    const world = testWorld();
    const proof = await proveDigest(httpSource(world, server.url), NAME, pinned, world.log);
    expect(proof).toMatchObject({ by: "pinned digest", sha256: DIGEST, place: `${server.url}/${NAME}` });
    expect(world.lines).toContainEqual(expect.stringMatching(/^warn The checksum cannot be read, .*HTTP \d/));
  });

  test("is no proof of a signature", async () => {
    await using server = serve(() => new Response(null, { status: 403 }));
    const world = testWorld();
    const demands = { ...pinned, keys: [KEY] };
    await expect(proveDigest(httpSource(world, server.url), NAME, demands, world.log)).rejects.toMatchObject({
      code: "E_SIGNATURE",
    });
  });

  test("and not because of an interrupt, which ends all", async () => {
    await using server = serve(() => new Response(DIGEST));
    const world = testWorld();
    world.interrupt.abort();
    await expect(proveDigest(httpSource(world, server.url), NAME, pinned, world.log)).rejects.toMatchObject({
      code: "E_CANCELED",
    });
  });
});

describe("the record beside a version", () => {
  test("is read back", async () => {
    using folder = temporaryFolder();
    const { proof } = await prove({ demands: { keys: [KEY], skipSignature: true, pinned: [operator(DIGEST)] } });
    const text = proofRecord(proof, new Date("2026-11-22T15:00:00Z"));
    expect(JSON.parse(text)).toMatchObject({
      proof: "pinned digest",
      sha256: DIGEST,
      place: proof.place,
      accepted: "2026-11-22T15:00:00.000Z",
      skipped_signature: true,
    });
    writeFileSync(join(folder.path, "proof.json"), text);
    expect(readProof(testWorld().files, folder.path)).toEqual({
      by: "pinned digest",
      isSignatureSkipped: true,
      key: undefined,
    });
  });

  test.each(["", "{", "[]", "null", '{"proof":"magic"}', "x".repeat(1 << 17)])("%.20p says nothing", (text) => {
    using folder = temporaryFolder();
    expect(readProof(testWorld().files, folder.path)).toBeUndefined();
    writeFileSync(join(folder.path, "proof.json"), text);
    expect(readProof(testWorld().files, folder.path)).toBeUndefined();
  });
});

const MODIFIED = "Sun, 22 Nov 2026 15:00:00 GMT";

/** Proves the archive by what a place has: the right checksum and the right signature unless told otherwise. */
async function prove(given: Given) {
  const texts: Record<string, string | undefined> = {
    [`/${NAME}.sha256`]: "checksum" in given ? given.checksum : `${DIGEST}  ${NAME}\n`,
    [`/${NAME}.sig`]: "signature" in given ? given.signature : SIGNATURE,
  };
  await using server = serve(({ url }) => {
    const text = texts[new URL(url).pathname];
    return text === undefined
      ? new Response("no", { status: 404 })
      : new Response(text, { headers: { "last-modified": MODIFIED } });
  });
  const world = testWorld();
  const proof = await proveDigest(httpSource(world, server.url), NAME, { ...NOTHING, ...given.demands }, world.log);
  return { proof, world, url: server.url };
}

function keyOf({ publicKey }: typeof signer): P256Key {
  const key = parseP256Key(String(publicKey.export({ type: "spki", format: "pem" })));
  if (key === undefined) throw new Error("the key is not read");
  return key;
}
