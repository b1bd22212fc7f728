import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { readCommandLine } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

const PAGES = ["README.md", ...[...new Glob("docs/*.md").scanSync(".")].sort()];
const PROGRAM = { name: "teleport-update", description: "", commands: COMMANDS };
const NAMES = COMMANDS.map(({ meta }) => meta.name).join("|");
/** What an operator types: an indented line, or words in back-ticks, that name the program and a command. */
const TYPED = /(?:^ {4}.*?|`(?:sudo )?(?:\.\/)?)teleport-update ((?:--[a-z-]+ \S+ )*(?:NAMES)(?: [^`\n;|&]*)?)/gm;
const typed = new RegExp(TYPED.source.replace("NAMES", NAMES), "gm");

function commandLines(text: string): string[] {
  return [...text.matchAll(typed)].map(([, words = ""]) => words.trim()).filter((words) => !words.includes("…"));
}

describe.each(PAGES)("%s", (page) => {
  const text = readFileSync(page, "utf8");

  test("has no command that would be refused", () => {
    const refused = commandLines(text).flatMap((line) => {
      const reading = readCommandLine(PROGRAM, line.split(/\s+/), {});
      return reading.kind === "refused" ? [`${line}: ${reading.reason}`] : [];
    });
    expect(refused).toEqual([]);
  });

  test("has no link that leads nowhere", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+\.md)?(#[^)]+)?\)/g)];
    const broken = links.filter(([, file, anchor]) => {
      const target = file === undefined ? page : join(dirname(page), file);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

test("commands are found where they stand, and a wrong one is refused", () => {
  const text = "    sudo HTTPS_PROXY=x ./teleport-update enable --frob\nSay `teleport-update status`, or `pin`.\n";
  expect(commandLines(text)).toEqual(["enable --frob", "status"]);
  expect(readCommandLine(PROGRAM, ["enable", "--frob"], {}).kind).toBe("refused");
});

function anchorsOf(page: string): string[] {
  return [...readFileSync(page, "utf8").matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = ""]) =>
      `#${heading
        .toLowerCase()
        .replace(/[^a-z0-9 _-]/g, "")
        .replaceAll(" ", "-")}`,
  );
}
