import { describe, expect, test } from "bun:test";
import { dirname, join, normalize } from "node:path";
import { Glob } from "bun";

/** The rooms of `src/`, from the ground up. A room may import itself and every room on a floor below. */
const FLOORS = [
  ["platform"],
  ["settings"],
  ["release", "host", "cluster"],
  ["update", "mirror", "rollout"],
  ["cli"],
  ["bin"],
];
const ROOMS = FLOORS.flat();

/** What only the implementations in `src/platform/` may name: the seams stand or fall with it. */
const SEAMS = [
  /\bfetch\(/,
  /\bBun\.(spawn|serve|listen|\$)/,
  /\bCryptoHasher\b/,
  /@noble\/hashes/,
  /\bnode:child_process\b/,
];

const MAX_LINES = 250;
const transpiler = new Bun.Transpiler({ loader: "ts" });

describe("the sources", () => {
  test("keep to their floors", async () => {
    expect(await complaints(climbs)).toEqual([]);
  });

  test("reach the world only through src/platform", async () => {
    expect(await complaints(seamsNamed)).toEqual([]);
  });

  test("hold one idea a file", async () => {
    expect(await complaints(tooLong)).toEqual([]);
  });

  test("are mirrored by the tests", () => {
    const tested = listed("test/**/*.test.ts").map((path) => path.split("/")[1] ?? "");
    const folders = new Set(tested.filter((name) => !name.endsWith(".ts")));
    expect(
      [...folders].filter(
        (name) => ![...ROOMS, "scripts", "support", "booted", "faults", "fuzz", "interop", "threats"].includes(name),
      ),
    ).toEqual([]);
  });
});

describe("the rules can fail", () => {
  test.each([
    [
      "src/platform/files.ts",
      'import { merge } from "../settings/merge.ts"',
      "`src/platform/files.ts` imports `src/settings/merge.ts`",
    ],
    [
      "src/host/links.ts",
      'import type { Release } from "../release/store.ts"',
      "`src/host/links.ts` imports `src/release/store.ts`",
    ],
    [
      "src/host/links.ts",
      'import { type Release } from "../release/store.ts"',
      "`src/host/links.ts` imports `src/release/store.ts`",
    ],
    [
      "src/host/links.ts",
      'export type { Release } from "../release/store.ts"',
      "`src/host/links.ts` imports `src/release/store.ts`",
    ],
    ["src/update/run.ts", 'await import("../cli/main.ts")', "`src/update/run.ts` imports `src/cli/main.ts`"],
    ["src/host/links.ts", 'import "../../test/support/x.ts"', "`src/host/links.ts` imports `test/support/x.ts`"],
    ["src/attic/old.ts", "export {}", "`src/attic/old.ts` is in no room"],
  ])("%s: %s", (path, source, complaint) => {
    expect(climbs(path, source)).toEqual([complaint]);
  });

  test.each([
    ["src/cli/main.ts", 'import "../update/run.ts"'],
    ["src/host/links.ts", 'import "./marker.ts"; import "../platform/files.ts"; import "node:path"; import "yaml"'],
  ])("%s: %s is allowed", (path, source) => {
    expect(climbs(path, source)).toEqual([]);
  });

  test("a seam in code is found, one in a comment is not", () => {
    expect(seamsNamed("src/host/a.ts", "// Bun.spawn would do\nawait fetch(url)")).toEqual([
      "`src/host/a.ts` names `fetch(`",
    ]);
    expect(seamsNamed("src/platform/a.ts", "await fetch(url)")).toEqual([]);
  });

  test("a long file is found", () => {
    expect(tooLong("src/host/a.ts", "\n".repeat(MAX_LINES))).toHaveLength(0);
    expect(tooLong("src/host/a.ts", "\n".repeat(MAX_LINES + 1))).toHaveLength(1);
  });
});

type Rule = (path: string, source: string) => string[];

async function complaints(rule: Rule): Promise<string[]> {
  const sources = listed("src/**/*.ts");
  if (sources.length === 0) throw new Error("no sources found: the tests run in the project's root");
  const found = await Promise.all(sources.map(async (path) => rule(path, await Bun.file(path).text())));
  return found.flat();
}

function climbs(path: string, source: string): string[] {
  const room = roomOf(path);
  if (!ROOMS.includes(room)) return [`\`${path}\` is in no room`];
  return importsOf(source)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => normalize(join(dirname(path), specifier)))
    .filter((target) => target !== "package.json" && !mayImport(room, target))
    .map((target) => `\`${path}\` imports \`${target}\``);
}

function mayImport(room: string, target: string): boolean {
  const other = roomOf(target);
  return target.startsWith("src/") && (other === room || (ROOMS.includes(other) && floorOf(other) < floorOf(room)));
}

function seamsNamed(path: string, source: string): string[] {
  if (roomOf(path) === "platform") return [];
  const code = transpiler.transformSync(source);
  return SEAMS.flatMap((seam) => code.match(seam)?.[0] ?? []).map((name) => `\`${path}\` names \`${name}\``);
}

function tooLong(path: string, source: string): string[] {
  const lines = source.split("\n").length - 1;
  return lines > MAX_LINES ? [`\`${path}\` has ${lines} lines`] : [];
}

/** Imports of types count as well: the transpiler drops them, so the word `type` goes first. */
function importsOf(source: string): string[] {
  const asValues = source
    .replaceAll(/\bimport type\b/g, "import")
    .replaceAll(/\bexport type (?=[{*])/g, "export ")
    .replaceAll(/(?<=[{,]\s*)type (?=\w)/g, "");
  return transpiler.scanImports(asValues).map((found) => found.path);
}

function roomOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

function listed(pattern: string): string[] {
  return [...new Glob(pattern).scanSync(".")].sort();
}
