import { expect, test } from "bun:test";
import { ProvenSource } from "../../src/release/proven-source.ts";

const failure = new Error("not what was published");

async function* archive(parts: number, end?: Error) {
  for (let part = 0; part < parts; part += 1) yield Buffer.from([part]);
  if (end !== undefined) throw end;
}

/** Reads `count` parts and has enough. */
async function readSome(source: ProvenSource, count: number): Promise<void> {
  let read = 0;
  for await (const _ of source.chunks()) {
    read += 1;
    if (read === count) return;
  }
}

test("an archive that was read to its end is proven", async () => {
  const source = new ProvenSource(archive(3));
  await readSome(source, 9);
  await source.finish();
});

test("[threat proof-first] what was left unread is read, and proven with the rest", async () => {
  const source = new ProvenSource(archive(9, failure));
  await readSome(source, 2);
  await expect(source.finish()).rejects.toBe(failure);
});

test("[threat proof-first] a failure that was seen before stays one", async () => {
  const source = new ProvenSource(archive(1, failure));
  await expect(readSome(source, 9)).rejects.toBe(failure);
  await expect(source.finish()).rejects.toBe(failure);
});

test("[threat proof-first] an end that does not come proves nothing", async () => {
  const source = new ProvenSource(archive(Number.POSITIVE_INFINITY));
  await readSome(source, 2);
  await expect(source.finish(10)).rejects.toMatchObject({ code: "E_DOWNLOAD" });
});
