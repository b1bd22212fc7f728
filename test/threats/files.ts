import type { Mutant } from "./mutant.ts";

const BYTES = { rule: "bounded-text", tests: ["test/threats/files.test.ts"] };
const TEXT = { rule: "bounded-text", tests: ["test/settings/strict-yaml.test.ts"] };
const BOUNDS = {
  rule: "bounded-yaml",
  file: "src/settings/yaml-bounds.ts",
  tests: ["test/settings/yaml-bounds.test.ts"],
};

/** The rules for files of the host, and what a version is. */
export const FILE_MUTANTS: readonly Mutant[] = [
  {
    ...BYTES,
    file: "src/platform/decode-text.ts",
    take: 'if (notText === "refuse" && !isUtf8(bytes)) {',
    leave: 'if (notText === "refuse" && bytes.length < 0) {',
  },
  {
    ...BYTES,
    file: "src/platform/host-files.ts",
    take: "for (let length = 0; length < limit; ) {",
    leave: "for (let length = 0; length < Math.max(limit, 2e8); ) {",
  },
  {
    ...BYTES,
    file: "src/platform/host-files.ts",
    take: "if (stats.isFile()) return;",
    leave: "if (stats.size >= 0) return;",
  },
  {
    ...BYTES,
    file: "src/update/read-journal.ts",
    take: 'SIZE_LIMIT, "mark")',
    leave: "SIZE_LIMIT)",
  },
  {
    ...TEXT,
    file: "src/settings/strict-yaml.ts",
    take: "if (odd !== null) throw",
    leave: "if (odd !== null && odd.index < 0) throw",
  },
  { ...BOUNDS, take: "if (lexemes > LEXEMES)", leave: "if (lexemes > 1e9)" },
  { ...BOUNDS, take: "if (shared > SHARED)", leave: "if (shared > 1e9)" },
  { ...BOUNDS, take: "return this.#brackets + this.#columns.length;", leave: "return this.#columns.length;" },
  { ...BOUNDS, take: "return this.#brackets + this.#columns.length;", leave: "return this.#brackets;" },
  {
    ...BOUNDS,
    take: "if (this.#isLineStart || isIndicator) this.#columns.push",
    leave: "if (this.#isLineStart) this.#columns.push",
  },
  {
    rule: "bounded-yaml",
    file: "src/settings/strict-yaml.ts",
    take: "if (excess !== undefined) throw",
    leave: "if (excess !== undefined && excess.line < 0) throw",
    tests: ["test/settings/strict-yaml.test.ts"],
  },
  {
    rule: "bounded-yaml",
    file: "src/settings/teleport-config.ts",
    take: "if (excess !== undefined) throw",
    leave: "if (excess !== undefined && excess.line < 0) throw",
    tests: ["test/settings/teleport-config.test.ts"],
  },
  {
    rule: "plain-keys",
    file: "src/settings/strict-yaml.ts",
    take: "if (seen.has(name)) return",
    leave: "if (seen.size > 1e9) return",
    tests: ["test/settings/strict-yaml.test.ts"],
  },
  {
    rule: "plain-keys",
    file: "src/cli/flag-words.ts",
    take: "return Object.hasOwn(flags, name) ? flags[name] : undefined;",
    leave: "return flags[name];",
    tests: ["test/cli/arguments.test.ts"],
  },
  {
    rule: "strict-versions",
    file: "src/settings/revision.ts",
    take: ")?$/;",
    leave: ")?/;",
    tests: ["test/settings/revision.test.ts"],
  },
];
