import { describe, expect, test } from "bun:test";
import { readCommandLine } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { ENROLL_FLAGS } from "../../src/cli/enroll-flags.ts";
import { readFlagWord } from "../../src/cli/flag-words.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import { givenOptions } from "../../src/cli/given-options.ts";
import { resolveValues } from "../../src/cli/values.ts";
import type { GivenOptions } from "../../src/settings/options.ts";

const FLAGS = { ...GLOBAL_FLAGS, ...ENROLL_FLAGS };

function given(line: string) {
  const rest = line.split(" ").filter((word) => word !== "");
  const written = [];
  for (let word = rest.shift(); word !== undefined; word = rest.shift())
    written.push(...readFlagWord(word, rest, FLAGS));
  const { values, sources } = resolveValues(FLAGS, written, {});
  return givenOptions(values, sources);
}

describe("what is kept", () => {
  test.each<[string, GivenOptions]>([
    ["", {}],
    ["--base-url https://a", { mirrors: "default" }],
    ["--base-url default", { mirrors: "default" }],
    ["--base-url=", {}],
    ["--base-url https://a --base-url https://b --base-url https://c", { mirrors: ["https://b", "https://c"] }],
    ["--trusted-key /a --trusted-key /b", { trustedKeys: ["/a", "/b"] }],
    ["--trusted-key default", { trustedKeys: "default" }],
    ["--insecure-skip-signature", { skipSignature: true }],
    ["--no-insecure-skip-signature", { skipSignature: "default" }],
    ["--no-downgrade", { noDowngrade: true }],
    ["--downgrade", { noDowngrade: "default" }],
    ["--min-version default --max-version 18", { minVersion: "default", maxVersion: "18" }],
    ["--min-age 3d", { minAge: "3d" }],
    ["--netrc default", { netrcFile: "default" }],
  ])("%s", (line, expected) => {
    expect(given(line)).toEqual(expected);
  });
});

describe("refused", () => {
  test.each([
    ["--base-url https://a --base-url default", "`--base-url default` stands alone"],
    ["--trusted-key default --trusted-key /a", "`--trusted-key default` stands alone"],
    ["--min-version latest", "must be a version"],
    ["--max-version 18.x", "must be a version"],
    ["--min-age 3", "must be a time"],
    ["--min-age 3weeks", "must be a time"],
  ])("%s", (line, reason) => {
    expect(() => given(line)).toThrow(
      expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining(reason) }),
    );
  });
});

test("every flag of an option reaches the command", () => {
  const program = { name: "teleport-update", description: "", commands: COMMANDS };
  const reading = readCommandLine(program, ["enable", "--no-downgrade", "--min-age", "3d"], {});
  expect(reading).toMatchObject({ kind: "run", values: { downgrade: false, "min-age": "3d" } });
});
