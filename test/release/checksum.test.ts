import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchChecksum, readStoredChecksum } from "../../src/release/checksum.ts";
import { serve, temporaryFolder, testWorld } from "./archive.ts";

const DIGEST = "0123456789abcdef".repeat(4);

describe("published checksum", () => {
  test.each([
    ["as sha256sum writes it", `${DIGEST}  teleport.tar.gz\n`],
    ["alone", DIGEST],
    ["in capitals", DIGEST.toUpperCase()],
  ])("%s", async (_, body) => {
    const paths: string[] = [];
    await using server = serve((request) => {
      paths.push(new URL(request.url).pathname);
      return new Response(body);
    });
    expect(await fetchChecksum(testWorld(), `${server.url}/a.tar.gz`)).toBe(DIGEST);
    expect(paths).toEqual(["/a.tar.gz.sha256"]);
  });

  test.each([
    ["empty", 200, ""],
    ["too short", 200, DIGEST.slice(1)],
    ["not hex", 200, `x${DIGEST}`],
    ["a page", 200, "<html>".repeat(2000)],
    ["missing", 404, DIGEST],
    ["refused", 503, DIGEST],
  ])("%s is an error that names the address", async (_, status, body) => {
    await using server = serve(() => new Response(body, { status }));
    const url = `${server.url}/a.tar.gz`;
    await expect(fetchChecksum(testWorld(), url)).rejects.toMatchObject({
      code: "E_CHECKSUM",
      message: expect.stringContaining(`${url}.sha256`),
    });
  });
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
