import { describe, expect, test } from "bun:test";
import { existsSync, realpathSync } from "node:fs";
import fc from "fast-check";
import { goArchitecture } from "../../src/release/address.ts";
import { readElf } from "../../src/release/elf.ts";
import { BadElf } from "../../src/release/elf-format.ts";
import { hostGlibc, isNewerGlibc } from "../../src/release/glibc.ts";
import { withRandomAccess } from "../../src/release/random-access.ts";
import { testWorld } from "./archive.ts";
import { elfFile, fileOf } from "./elf-file.ts";

const { files } = testWorld();
const LOADER = "/lib64/ld-linux-x86-64.so.2";

describe("by hand", () => {
  test.each([
    ["static", {}, { bits: 64, machine: "amd64", interpreter: undefined, neededGlibc: undefined }],
    ["with a loader", { interpreter: LOADER }, { interpreter: LOADER, neededGlibc: undefined }],
    ["for arm64", { machine: 183 }, { machine: "arm64" }],
    ["for 386 in 64 bits", { machine: 3 }, { machine: "386", bits: 64 }],
    ["for any other machine", { machine: 243 }, { machine: "machine 243" }],
    [
      "the newest need counts, by number",
      { needs: { "libc.so.6": ["GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.4"] } },
      { neededGlibc: "2.34" },
    ],
    [
      "in all libraries",
      { needs: { "libm.so.6": ["GLIBC_2.29"], "libc.so.6": ["GLIBC_2.2.5"], "libgcc_s.so.1": ["GCC_3.0"] } },
      { neededGlibc: "2.29" },
    ],
    [
      "weak and private needs do not count",
      { needs: { "libc.so.6": ["GLIBC_2.38?", "GLIBC_2.17", "GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR"] } },
      { neededGlibc: "2.17" },
    ],
    ["no need of glibc", { needs: { "libz.so.1": ["ZLIB_1.2"] } }, { neededGlibc: undefined }],
  ])("%s", (_, shape, expected) => {
    expect(readElf(fileOf(elfFile(shape)))).toMatchObject(expected);
  });

  test("32-bit and big-endian programs are told by class and machine", () => {
    const header = Buffer.alloc(64);
    header.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
    header.writeUInt16LE(3, 18);
    expect(readElf(fileOf(header))).toMatchObject({ bits: 32, machine: "386" });
    header.set([2, 2], 4);
    header.writeUInt16BE(22, 18);
    expect(readElf(fileOf(header))).toMatchObject({ bits: 64, machine: "machine 22" });
  });

  test.each([
    ["empty", ""],
    ["short", "\u007fEL"],
    ["a script", "#!/bin/sh\n"],
  ])("%s is no ELF file", (_, content) => {
    expect(readElf(fileOf(Buffer.from(content)))).toBeUndefined();
  });
});

describe("hostile", () => {
  const whole = elfFile({ interpreter: LOADER, needs: { "libc.so.6": ["GLIBC_2.34", "GLIBC_2.17"] } });

  test("cut anywhere", () => {
    for (let length = 4; length < whole.length; length += 1) {
      expect(() => readElf(fileOf(whole.subarray(0, length)))).toThrow(BadElf);
    }
  });

  test("a list of needs that stays on the spot", () => {
    const bytes = elfFile({ needs: { "libc.so.6": ["GLIBC_2.34"] } });
    const record = bytes.indexOf(Buffer.from([1, 0, 1, 0, 1, 0, 0, 0, 16, 0, 0, 0]));
    bytes.writeUInt16LE(0xffff, record + 2);
    expect(() => readElf(fileOf(bytes))).toThrow("too long");
  });

  test("whatever bytes change, the answer is an answer or `BadElf`, and soon", () => {
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          readElf(fileOf(bytes));
        } catch (error) {
          if (!(error instanceof BadElf)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("real programs", () => {
  test("of this machine", () => {
    for (const path of ["/bin/sh", process.execPath].map((name) => realpathSync(name))) {
      const elf = withRandomAccess(files, path, readElf);
      expect(elf).toMatchObject({ bits: 64, machine: goArchitecture(process.arch) });
      expect(existsSync(elf?.interpreter ?? "")).toBe(true);
      expect(elf?.neededGlibc).toMatch(/^2\.\d+(\.\d+)?$/);
      expect(isNewerGlibc(elf?.neededGlibc ?? "", hostGlibc() ?? "0.0")).toBe(false);
    }
  });

  test.each([
    ["@oven/bun-linux-x64", "amd64", "/lib64/ld-linux-x86-64.so.2"],
    ["@oven/bun-linux-aarch64", "arm64", "/lib/ld-linux-aarch64.so.1"],
  ])("the runtime %s", (name, machine, interpreter) => {
    const path = realpathSync(`node_modules/${name}/bin/bun`);
    expect(withRandomAccess(files, path, readElf)).toMatchObject({ machine, interpreter });
  });
});

describe("glibc versions", () => {
  test.each([
    ["2.38", "2.36", true],
    ["2.36", "2.36", false],
    ["2.9", "2.36", false],
    ["2.36.1", "2.36", true],
    ["2.36", "2.36.0", false],
    ["3.0", "2.99", true],
    ["private", "2.1", false],
    ["2.1", "unknown", false],
  ])("%s is newer than %s: %p", (a, b, expected) => {
    expect(isNewerGlibc(a, b)).toBe(expected);
  });

  test("the host's is what its own tool says", () => {
    const said = Bun.spawnSync(["getconf", "GNU_LIBC_VERSION"]).stdout.toString().trim();
    expect(said).toBe(`glibc ${hostGlibc()}`);
  });
});
