import { expect, test } from "bun:test";
import fc from "fast-check";
import { ARCHITECTURES, EDITIONS, namedArchive, parseArchiveName } from "../../src/mirror/archive-names.ts";
import { revision } from "../../src/settings/revision.ts";

test("the name of an archive is read back", () => {
  const version = fc.tuple(fc.nat(99), fc.nat(99), fc.constantFrom("0", "1-rc.1", "2-linux-arm64", "3-fips", "4+b.1"));
  fc.assert(
    fc.property(
      version,
      fc.constantFrom(...Object.values(EDITIONS)),
      fc.constantFrom(...ARCHITECTURES),
      (numbers, flags, architecture) => {
        const archive = namedArchive(revision(numbers.join("."), flags), architecture);
        expect(parseArchiveName(archive.name)).toEqual(archive);
      },
    ),
  );
});

test.each([
  "teleport-v18.4.1-linux-amd64-bin.tar.gz.sha256",
  "teleport-v18.4-linux-amd64-bin.tar.gz",
  "teleport-v18.4.1-linux-amd64-fips-bin.tar.gz",
  "teleport-vv18.4.1-linux-amd64-bin.tar.gz",
  "teleport-v18.4.1-linux-riscv64-bin.tar.gz",
  "teleport-v18.4.1-darwin-amd64-bin.tar.gz",
  "../teleport-v18.4.1-linux-amd64-bin.tar.gz",
  "index.json",
])("%s is none", (name) => {
  expect(parseArchiveName(name)).toBeUndefined();
});
