import { expect, test } from "bun:test";
import { streamSha256, writtenSha256 } from "../../src/platform/stream-digest.ts";

test.each([
  ["nothing", [], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["two parts", ["a", "bc"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
])("SHA-256 of %s (FIPS 180-4 examples)", (_, parts, expected) => {
  const digest = streamSha256();
  for (const part of parts) digest.update(Buffer.from(part));
  expect(digest.hex()).toBe(expected);

  const written = writtenSha256();
  for (const part of parts) written.wrote(Buffer.from(part));
  expect(written.hex("/nowhere")).toBe(expected);
});
