import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { isUpdateError } from "../../src/platform/errors.ts";
import { readElf } from "../../src/release/elf.ts";
import { BadElf } from "../../src/release/elf-format.ts";
import { entryPolicy } from "../../src/release/entry-policy.ts";
import { RELEASE_LIMITS } from "../../src/release/limits.ts";
import { type StagedFile, StagedFiles } from "../../src/release/staged-files.ts";
import { unpack } from "../../src/release/unpack.ts";
import { readTar } from "../../src/release/untar.ts";
import { releaseEntries, tarOf, testWorld } from "../release/archive.ts";
import { elfFile, fileOf } from "../release/elf-file.ts";
import { type Damage, damaged, damages, type FuzzTarget } from "./target.ts";

const TAR = await tarOf([
  ...releaseEntries(),
  { name: "teleport/tctl", content: "program tctl".repeat(100) },
  { name: `teleport/${"long".repeat(30)}`, content: "long name", pax: { comment: "extended" } },
]);
const ARCHIVE = gzipSync(TAR);
const SAFE_PLACE = /^(bin|share)\/[^/\p{C}]+$|^lib\/systemd\/system\/teleport\.service$/u;
const HEADER = 512;

/** Headers with a sum that is right, so that more than the sum is tested. */
const headerDamages = fc.array(
  fc.record({
    header: fc.nat(TAR.length / HEADER - 1),
    at: fc.oneof(fc.nat(HEADER - 1), fc.constantFrom(0, 100, 124, 135, 156, 257, 345)),
    text: fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom("../", "/", "\0", "00000000000", "77777777777", "1", "2", "5", "x", "g", "L", "\u0080"),
    ),
  }),
  { maxLength: 3 },
);
const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 5 });

const tar: FuzzTarget = {
  name: "tar",
  runs: 250,
  property: fc.asyncProperty(
    fc.record({
      headers: headerDamages,
      damages: fc.oneof(fc.constant<Damage[]>([]), damages(TAR.length)),
      sizes,
    }),
    async (given) => {
      const bytes = damaged(withHeaders(given.headers), given.damages);
      const outcome = await placedFiles(bytes, []);
      // How the bytes come must not matter.
      expect(await placedFiles(bytes, given.sizes)).toEqual(outcome);
      if (outcome === "refused") return;
      const places = outcome.map(({ place }) => place);
      for (const place of places) expect(place).toMatch(SAFE_PLACE);
      expect(new Set(places.map((place) => place.toLowerCase())).size).toBe(places.length);
      for (const { mode, size, written } of outcome)
        expect([mode === 0o644 || mode === 0o755, written]).toEqual([true, size]);
    },
  ),
};

function withHeaders(changes: readonly { header: number; at: number; text: string }[]): Buffer {
  const bytes = Buffer.from(TAR);
  for (const { header, at, text } of changes) {
    const block = bytes.subarray(header * HEADER, (header + 1) * HEADER);
    block.write(text, at, "latin1");
    block.fill(" ", 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  }
  return bytes;
}

interface Placed {
  place: string;
  mode: number;
  size: number;
  written: number;
}

async function placedFiles(bytes: Buffer, cuts: readonly number[]): Promise<Placed[] | "refused"> {
  const policy = entryPolicy("teleport", RELEASE_LIMITS);
  const placed: Placed[] = [];
  try {
    await readTar(inParts(bytes, cuts), (header) => {
      const placement = policy.judge(header);
      if (!("place" in placement)) return undefined;
      const file = { ...placement, size: header.size, written: 0 };
      placed.push(file);
      return {
        write(part) {
          file.written += part.length;
        },
        end() {},
      };
    });
    policy.finish();
    return placed;
  } catch (error) {
    if (!isUpdateError(error, "E_ARCHIVE")) throw error;
    return "refused";
  }
}

/** Parts of the given sizes, and the rest in one. */
async function* inParts(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const size of cuts) {
    if (start >= bytes.length) return;
    yield bytes.subarray(start, start + size);
    start += size;
  }
  if (start < bytes.length) yield bytes.subarray(start);
}

const gzip: FuzzTarget = {
  name: "gzip",
  runs: 60,
  property: fc.asyncProperty(damages(ARCHIVE.length), sizes, async (all, cuts) => {
    const outcome = await unpacked(damaged(ARCHIVE, all), cuts);
    // A sum is over all that was packed: what is taken is what was published.
    if (outcome !== "refused") expect<unknown>(outcome).toEqual(published);
  }),
};

async function unpacked(bytes: Buffer, cuts: readonly number[]): Promise<StagedFile[] | "refused"> {
  const directory = mkdtempSync(join(tmpdir(), "fuzz-"));
  const world = testWorld();
  const into = new StagedFiles(world.files, directory);
  try {
    await unpack(world, {
      chunks: inParts(bytes, cuts),
      folder: "teleport",
      into,
      directory,
      limits: { ...RELEASE_LIMITS, reserveBytes: 0 },
    });
    return into.files;
  } catch (error) {
    if (isUpdateError(error, "E_ARCHIVE")) return "refused";
    throw error;
  } finally {
    await into.release();
    rmSync(directory, { recursive: true });
  }
}

const published = await unpacked(ARCHIVE, []);

const ELF = elfFile({
  interpreter: "/lib64/ld-linux-x86-64.so.2",
  needs: { "libc.so.6": ["GLIBC_2.34", "GLIBC_2.17"], "libm.so.6": ["GLIBC_2.29"] },
});

const elf: FuzzTarget = {
  name: "ELF",
  runs: 2000,
  property: fc.property(damages(ELF.length), (all) => {
    const bytes = damaged(ELF, all);
    let read = 0;
    const file = fileOf(bytes);
    try {
      const found = readElf({
        size: file.size,
        read(offset, length) {
          read += length;
          return file.read(offset, length);
        },
      });
      if (bytes.equals(ELF)) expect(found).toMatchObject({ machine: "amd64", neededGlibc: "2.34" });
    } catch (error) {
      if (!(error instanceof BadElf)) throw error;
    }
    expect(read).toBeLessThan(16 << 20);
  }),
};

export const ARCHIVE_TARGETS: readonly FuzzTarget[] = [tar, gzip, elf];
