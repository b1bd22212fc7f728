import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOfThisMachine, requireQuickStart, START_AIM_MS } from "../../../scripts/release/start-up.ts";
import { VARIANTS } from "../../../scripts/release/variants.ts";
import { HOST_ARCHITECTURE } from "../../support/elf-patch.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "start-up-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function program(body: string): string {
  const path = join(folder, "program");
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

// That a quick one passes is not tested: a busy machine may make it slow.
test("a program that is never quick enough is no release", () => {
  expect(() => requireQuickStart(program(`exec sleep ${(START_AIM_MS + 1) / 1000}`))).toThrow(
    /program version` took \d+\.\d ms at the fastest of 100 starts, and 15 ms is the aim: try again/,
  );
});

test("one that does not start is none either", () => {
  expect(() => requireQuickStart(program("exit 3"))).toThrow("program version` exited 3");
});

test("only what is for this machine is measured on it", () => {
  expect(VARIANTS.filter(isOfThisMachine).map(({ architecture }) => architecture)).toEqual([
    HOST_ARCHITECTURE,
    HOST_ARCHITECTURE,
  ]);
});
