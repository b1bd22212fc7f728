import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";

/** Compares with a file that is reviewed as code; `UPDATE_GOLDEN=1 bun test …` writes it anew. */
export function expectGolden(path: string, actual: string): void {
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, actual);
  expect(actual).toBe(readFileSync(path, "utf8"));
}
