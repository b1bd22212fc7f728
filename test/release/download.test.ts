import { describe, expect, test } from "bun:test";
import { provenChunks } from "../../src/release/download.ts";
import { httpSource } from "../../src/release/http-source.ts";
import { startCutServer } from "../support/cut-server.ts";
import { NO_PROGRESS, serve, sha256Of, testWorld } from "./archive.ts";

const LIMIT = 1000;
const NAME = "a.tar.gz";

describe("the size of an archive", () => {
  test("[threat answer-limits] may be the limit", async () => {
    expect(await received(() => new Response("x".repeat(LIMIT)))).toBe(LIMIT);
  });

  test("[threat answer-limits] is refused when it is announced as more", async () => {
    await using server = await startCutServer(() => ({ headers: { "Content-Length": 2 ** 40 } }));
    const archive = await httpSource(testWorld(), server.url).open(NAME);
    const request = { name: NAME, sha256: "", progress: NO_PROGRESS, limitBytes: LIMIT };
    expect(() => provenChunks(archive, request)).toThrow(
      expect.objectContaining({
        code: "E_DOWNLOAD",
        message: `\`${server.url}/${NAME}\` is larger than 1000 bytes, and no release is`,
      }),
    );
    await archive.discard();
  });

  test("[threat stalls] ends a body that has no end", async () => {
    let sent = 0;
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          sent += 500;
          controller.enqueue(new Uint8Array(500));
        },
      });
    await expect(received(() => new Response(endless()))).rejects.toMatchObject({ code: "E_DOWNLOAD" });
    expect(sent).toBeLessThan(64 << 20);
  });
});

describe("the digest of an archive", () => {
  const digest = sha256Of("published");

  test("is the one that was published, or it is no release", async () => {
    expect(await received(() => new Response("published"), digest)).toBe(9);
    await expect(received(() => new Response("other"), digest)).rejects.toMatchObject({
      code: "E_CHECKSUM",
      message: expect.stringContaining(sha256Of("other")),
    });
  });

  test("of parts that may be of two files says so", async () => {
    await using server = serve(() => new Response("other"));
    const archive = await httpSource(testWorld(), server.url).open(NAME, { received: 2, length: 5 });
    const request = { name: NAME, sha256: digest, progress: NO_PROGRESS };
    await expect(Array.fromAsync(provenChunks(archive, request))).rejects.toMatchObject({ code: "E_CHANGED" });
  });
});

test("progress is told from beginning to end, also of what fails", async () => {
  const seen: unknown[] = [];
  const progress = {
    start: (...given: unknown[]) => void seen.push(...given),
    advance: (bytes: number) => void seen.push(bytes),
    end: () => void seen.push("end"),
  };
  await expect(received(() => new Response("four"), sha256Of(""), progress)).rejects.toMatchObject({
    code: "E_CHECKSUM",
  });
  expect(seen).toEqual([NAME, 4, 4, "end"]);
});

/** Downloads what `respond` answers, and answers its length; any digest will do unless one is given. */
async function received(respond: () => Response, sha256 = "", progress = NO_PROGRESS): Promise<number> {
  await using server = serve(respond);
  const archive = await httpSource(testWorld(), server.url).open(NAME);
  const request = { name: NAME, sha256, progress, limitBytes: LIMIT };
  let length = 0;
  try {
    for await (const chunk of provenChunks(archive, request)) length += chunk.length;
  } catch (error) {
    const isWhole = sha256 === "" && error instanceof Error && "code" in error && error.code === "E_CHECKSUM";
    if (!isWhole) throw error;
  } finally {
    await archive.discard();
  }
  return length;
}
