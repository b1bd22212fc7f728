import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { type ErrorCode, isUpdateError, type UpdateError } from "../../src/platform/errors.ts";
import type { TemporaryHost } from "../support/temporary-host.ts";

/** One reader of something that others write, and what must hold whatever they write. */
export interface FuzzTarget {
  name: string;
  /** How many inputs `bun test` tries; `npm run fuzz` tries as many as fit into its time. */
  runs: number;
  /** Its values are plain data, so that a failure can be pasted into `found.test.ts`. */
  property: fc.IRawProperty<unknown>;
}

/** What `action` answers, or the failure when it is one of `codes`; any other failure is a defect. */
export function answerOf<T>(action: () => T, ...codes: ErrorCode[]): T | UpdateError {
  try {
    return action();
  } catch (error) {
    if (isUpdateError(error, ...codes) && /^\P{Cc}*$/u.test(error.message)) return error;
    throw error;
  }
}

/** Writes a file without waiting for the disk, as thousands of runs could not. */
export function put(host: TemporaryHost, path: string, content: string | Uint8Array): void {
  const at = join(host.root, path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, content);
}

/** Another byte in one place, a part overwritten with one byte, a part left out, or a part that comes twice. */
export type Damage = { kind: "set" | "fill" | "cut" | "repeat"; at: number; length: number; byte: number };

/** Damages to a file of `size` bytes; what is at its start is hit more often. */
export function damages(size: number): fc.Arbitrary<Damage[]> {
  const damage = fc.record({
    kind: fc.constantFrom("set", "set", "set", "fill", "cut", "repeat"),
    at: fc.oneof(fc.nat(size - 1), fc.nat(Math.min(size, 512) - 1)),
    length: fc.oneof(fc.nat(16), fc.nat(1024)),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 10, 32, 48, 255)),
  });
  return fc.array(damage, { minLength: 1, maxLength: 6 });
}

export function damaged(whole: Uint8Array, all: readonly Damage[]): Buffer {
  let bytes = Buffer.from(whole);
  for (const { kind, at, length, byte } of all) {
    const part = bytes.subarray(at, at + length);
    if (kind === "set" && at < bytes.length) bytes[at] = byte;
    if (kind === "fill") part.fill(byte);
    if (kind === "cut") bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    if (kind === "repeat") bytes = Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  }
  return bytes;
}
