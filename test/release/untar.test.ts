import { describe, expect, test } from "bun:test";
import { type EntrySink, readTar, type TarHeader } from "../../src/release/untar.ts";
import { pax } from "../threats/raw-tar.ts";
import { type Entry, tarOf } from "./archive.ts";

const END = Buffer.alloc(1024);
const FILES: Entry[] = [
  { name: "a", content: "first" },
  { name: "empty", content: "" },
  { name: "folder/", type: "directory" },
  { name: "block", content: "x".repeat(512) },
  { name: "long", content: "y".repeat(70_000) },
];

/** What is read from `bytes` when they come in parts of `size`. */
async function read(bytes: Uint8Array, size = bytes.length, open?: (header: TarHeader) => EntrySink | undefined) {
  const found: Record<string, string> = {};
  async function* parts() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  await readTar(parts(), (header) => {
    const parts: Uint8Array[] = [];
    const sink: EntrySink = {
      write: (part) => void parts.push(part),
      end: () => {
        found[header.name] = Buffer.concat(parts).toString();
      },
    };
    return open ? open(header) : sink;
  });
  return found;
}

const withoutEnd = async (entries: Entry[]) => {
  const tar = await tarOf(entries);
  return tar.subarray(0, tar.length - END.length);
};

describe("an archive", () => {
  test.each([1, 100, 511, 512, 513, 1024, 65_536, 1 << 20])("in parts of %d bytes", async (size) => {
    expect(await read(await tarOf(FILES), size)).toEqual({
      a: "first",
      empty: "",
      "folder/": "",
      block: "x".repeat(512),
      long: "y".repeat(70_000),
    });
  });

  test("without entries", async () => {
    expect(await read(END)).toEqual({});
  });

  test("filled up with zeros, as tar does", async () => {
    expect(await read(Buffer.concat([await tarOf([{ name: "a", content: "b" }]), Buffer.alloc(9216)]), 512)).toEqual({
      a: "b",
    });
  });

  test("with names too long for a header", async () => {
    const name = `${"d/".repeat(100)}\u00e9`;
    expect(await read(await tarOf([{ name, content: "b" }, { name: "c" }]))).toEqual({ [name]: "b", c: "" });
  });

  test("entries without a sink are passed over", async () => {
    const seen: string[] = [];
    await read(await tarOf(FILES), 1000, (header) => {
      seen.push(header.name);
      return undefined;
    });
    expect(seen).toEqual(FILES.map(({ name }) => name));
  });
});

describe("ends in an error", () => {
  const refused = { code: "E_ARCHIVE" };

  test.each<[string, () => Promise<Uint8Array>]>([
    ["nothing at all", async () => Buffer.alloc(0)],
    ["no end marker", () => withoutEnd(FILES)],
    ["cut in a header", async () => (await tarOf(FILES)).subarray(0, 300)],
    ["cut in the data", async () => (await tarOf(FILES)).subarray(0, 40_000)],
    ["cut in the padding", async () => (await tarOf(FILES)).subarray(0, 600)],
    ["cut between two entries", async () => (await tarOf(FILES)).subarray(0, 1024)],
    ["half an end marker", async () => Buffer.concat([await withoutEnd(FILES), Buffer.alloc(512)])],
    ["zeros without end", async () => Buffer.concat([await tarOf(FILES), Buffer.alloc(2 << 20)])],
    ["an extended header behind the end", async () => Buffer.concat([await tarOf(FILES), pax({ a: "b" })])],
    ["an extended header for nothing", async () => Buffer.concat([await withoutEnd(FILES), pax({ a: "b" }), END])],
    ["many extended headers", async () => Buffer.concat([...Array(50).fill(pax({ a: "b" })), await tarOf(FILES)])],
    ["entries behind the end", async () => Buffer.concat([await tarOf(FILES), await tarOf([{ name: "late" }])])],
    ["garbage behind the end", async () => Buffer.concat([await tarOf(FILES), Buffer.alloc(512, "x")])],
    ["a little garbage behind the end", async () => Buffer.concat([await tarOf(FILES), Buffer.from("x")])],
    ["a damaged header", async () => Buffer.concat([Buffer.alloc(512, "x"), END])],
    ["a size that cannot be read", async () => patched(124, Buffer.from([0x81]))],
    ["a negative size", async () => patched(124, Buffer.alloc(12, 0xff))],
    ["a size beyond all data", async () => patched(124, Buffer.from("77777777777\0"))],
  ])("[threat archive-end] %s", async (_, bytes) => {
    for (const size of [1 << 20, 512, 700]) {
      await expect(read(await bytes(), size)).rejects.toMatchObject(refused);
    }
  });

  test("what the decision on an entry, a write or an end throws comes out as it is", async () => {
    const mine = new Error("mine");
    const fail = () => {
      throw mine;
    };
    const tar = await tarOf(FILES);
    for (const size of [1 << 20, 512]) {
      await expect(read(tar, size, fail)).rejects.toBe(mine);
      await expect(read(tar, size, () => ({ write: fail, end() {} }))).rejects.toBe(mine);
      await expect(read(tar, size, () => ({ write() {}, end: fail }))).rejects.toBe(mine);
    }
  });

  test("what the source throws comes out as it is", async () => {
    const mine = new Error("mine");
    async function* broken() {
      yield (await tarOf(FILES)).subarray(0, 2000);
      throw mine;
    }
    await expect(readTar(broken(), () => undefined)).rejects.toBe(mine);
  });
});

/** An archive of one entry whose header has `bytes` at `offset`, with its checksum right again. */
async function patched(offset: number, bytes: Uint8Array): Promise<Uint8Array> {
  const tar = await tarOf([{ name: "a", content: "first" }]);
  tar.set(bytes, offset);
  tar.fill(" ", 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return tar;
}
