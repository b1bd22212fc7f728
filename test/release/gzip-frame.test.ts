import { describe, expect, test } from "bun:test";
import { deflateRawSync, gzipSync, inflateRawSync } from "node:zlib";
import { GzipFrame } from "../../src/release/gzip-frame.ts";

const CONTENT = Buffer.from("content of some length ".repeat(100));
const DATA = deflateRawSync(CONTENT);
const TRAILER = gzipSync(CONTENT).subarray(-8);

/** The header with `flags`, and its fields behind it. */
function framed(flags: number, ...fields: (string | number[])[]): Buffer {
  const header = Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]);
  return Buffer.concat([header, ...fields.map((field) => Uint8Array.from(field, byteOf)), DATA, TRAILER]);
}

function byteOf(part: string | number): number {
  return typeof part === "number" ? part : part.charCodeAt(0);
}

/** What comes out of the frame when the bytes come in parts of `size`; the frame is finished as after inflating it. */
async function unframe(bytes: Uint8Array, size: number): Promise<Buffer> {
  async function* parts() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const frame = new GzipFrame();
  const found = Buffer.concat(await Array.fromAsync(frame.compressed(parts())));
  frame.count(CONTENT.subarray(0, 7));
  frame.count(CONTENT.subarray(7));
  frame.finish(DATA.length);
  return found;
}

describe("the compressed data comes out, whatever the header has", () => {
  test.each<[string, Buffer]>([
    ["nothing", framed(0)],
    ["the mark of a text", framed(1)],
    ["a name", framed(8, "teleport.tar\0")],
    ["a comment", framed(16, "comment\0")],
    ["an extra field", framed(4, [3, 0], "abc")],
    ["a sum of its own", framed(2, [1, 2])],
    ["all of it", framed(31, [3, 0], "a\0c", "name\0", "comment\0", [1, 2])],
  ])("%s", async (_, bytes) => {
    for (const size of [1, 7, 100, bytes.length]) {
      const found = await unframe(bytes, size);
      expect(found).toEqual(DATA);
      expect(inflateRawSync(found)).toEqual(CONTENT);
    }
  });
});

describe("refused", () => {
  test.each<[string, Uint8Array, string]>([
    ["nothing", Buffer.alloc(0), "cut short"],
    ["another format", Buffer.from("PK\u0003\u0004".padEnd(50)), "not gzip"],
    ["another method", Buffer.from([0x1f, 0x8b, 7, ...Array(30).fill(0)]), "not gzip"],
    ["flags that nobody knows", framed(32), "flags"],
    ["a name without end", Buffer.concat([framed(8).subarray(0, 10), Buffer.alloc(1 << 20, "x")]), "does not end"],
    ["a header that is cut", framed(8, "name\0").subarray(0, 13), "cut short"],
    ["less than a trailer", framed(0).subarray(0, 15), "cut short"],
    ["data behind its end", Buffer.concat([framed(0), TRAILER]), "follows"],
    ["another sum", Buffer.concat([framed(0).subarray(0, -8), Buffer.alloc(4), TRAILER.subarray(4)]), "says"],
    ["another size", Buffer.concat([framed(0).subarray(0, -4), Buffer.alloc(4)]), "says"],
  ])("[threat archive-end] %s", async (_, bytes, reason) => {
    const failure = unframe(bytes, 1000);
    await expect(failure).rejects.toMatchObject({ code: "E_ARCHIVE", message: expect.stringContaining(reason) });
  });
});
